//! `http::HeaderMap` as a carrier.

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::carrier::{TextMapReader, TextMapWriter};

/// A name or value that HTTP does not allow is left out, and so is one more than the map can hold.
impl TextMapWriter for HeaderMap {
    fn set(&mut self, key: &str, value: &str) {
        let name = HeaderName::from_bytes(key.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            let _ = self.try_insert(name, value);
        }
    }
}

/// A value that is no text is not shown.
impl TextMapReader for HeaderMap {
    fn for_each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str)) {
        for (name, value) in self {
            if let Ok(value) = std::str::from_utf8(value.as_bytes()) {
                visit(name.as_str(), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_replaces_and_what_http_forbids_is_left_out() {
        let mut headers = HeaderMap::new();
        headers.append("trace", HeaderValue::from_static("1"));
        headers.append("trace", HeaderValue::from_static("2"));
        headers.append("bytes", HeaderValue::from_bytes(b"\xff").unwrap());
        for (key, value) in [("Trace", "3"), ("a b", "4"), ("cr", "5\r\nx: 6"), ("é", "7")] {
            headers.set(key, value);
        }
        let mut all = Vec::new();
        headers.for_each(&mut |name, value| all.push((name, value)));
        assert_eq!(all, [("trace", "3")]);
    }
}
