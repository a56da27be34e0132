//! `http::HeaderMap` as a carrier.

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::block::HeaderBlock;
use super::carrier::{Extractor, Injector};
use super::names::Field;

/// A name that HTTP does not allow is left out, and so is a value that is no visible ASCII, and one more than the map
/// can hold.
impl Injector for HeaderMap {
    fn set(&mut self, name: &str, value: String) {
        let known = Field::of(name).map(Field::header_name);
        let name = known.or_else(|| HeaderName::from_bytes(name.as_bytes()).ok());
        // `HeaderValue` itself would take any byte from 0x80 on.
        let value = Some(value).filter(|value| value.is_ascii()).map(HeaderValue::try_from);
        if let (Some(name), Some(Ok(value))) = (name, value) {
            let _ = self.try_insert(name, value);
        }
    }

    /// One allocation for each value. Parts of one that all share would take longer: each would be counted in
    /// and out of it.
    fn set_all(&mut self, headers: &HeaderBlock<'_>) {
        for (field, value) in headers.fields() {
            if let Ok(value) = HeaderValue::from_str(value) {
                let _ = self.try_insert(field.header_name(), value);
            }
        }
    }
}

impl Extractor for HeaderMap {
    fn for_each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        for (name, value) in self {
            visit(name.as_str(), value.as_bytes());
        }
    }

    /// In one pass: a search for each name would hash each of them.
    fn for_each_of<'a>(&'a self, _: &[&'static str], visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        for (name, value) in self {
            let name = name.as_str();
            if Field::may_be(name) {
                visit(name, value.as_bytes());
            }
        }
    }

    fn header<'a>(&'a self, name: &str) -> Option<&'a str> {
        std::str::from_utf8(self.get(name)?.as_bytes()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_replaces_and_what_http_forbids_is_left_out() {
        let mut headers = HeaderMap::new();
        headers.append("traceparent", HeaderValue::from_static("1"));
        headers.append("traceparent", HeaderValue::from_static("2"));
        let carrier: &mut dyn Injector = &mut headers;
        carrier.set("traceparent", "3".to_owned());
        carrier.set("My-Trace", "e".to_owned());
        carrier.set("My-Origin", "é".to_owned());
        carrier.set("baggage", "a\r\nb: c".to_owned());
        carrier.set("a b", "4".to_owned());
        let mut all = Vec::new();
        headers.for_each(&mut |name, value| all.push((name, std::str::from_utf8(value).unwrap())));
        assert_eq!(all, [("traceparent", "3"), ("my-trace", "e")]);
        assert_eq!(headers.header("My-Trace"), Some("e"));
    }
}
