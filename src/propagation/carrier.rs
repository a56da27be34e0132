//! Where headers are written to and read from.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::BuildHasher;
use std::marker::PhantomData;

use super::block::HeaderBlock;
use super::names::Field;

/// Something that headers are written to: HTTP headers, message headers, a child's environment.
///
/// Every value is printable ASCII without blanks around it, and every name a name of HTTP, in lower case but for the
/// key in `ot-baggage-<key>`: no client or server refuses them, and no carrier has to look.
///
/// | carrier | to write to it | to read from it |
/// | --- | --- | --- |
/// | `http::HeaderMap` (feature `http`): axum, hyper, reqwest, tower | `request.headers_mut()` | `request.headers()` |
/// | `http::request::Builder` | `builder.headers_mut()`, if it is `Some` | `builder.headers_ref()`, if it is `Some` |
/// | `reqwest::RequestBuilder` | a `HeaderMap`, then `builder.headers(map)` | |
/// | `HashMap<String, String>`, `BTreeMap<String, String>`, `Vec<(String, String)>` | itself | itself, any texts as names and texts or bytes as values |
/// | the environment of a child process | [`EnvInjector`] | [`EnvExtractor`] |
/// | gRPC: tonic's `MetadataMap` | a closure: key and value by `parse`, then `insert` | [`HeaderLookup`]: `map.get(name)?.as_bytes()` |
/// | Kafka: rdkafka's `OwnedHeaders` | a closure: `headers = take(&mut headers).insert(Header { key, value: Some(&value) })` | a `Vec` of `(header.key, header.value)` |
/// | AMQP: lapin's `FieldTable` | a closure: `table.insert(name.into(), AMQPValue::LongString(value.into()))` | [`HeaderLookup`] |
/// | NATS: async-nats' `HeaderMap` | a closure: `headers.insert(name, value)` | [`HeaderLookup`] |
/// | SQS, SNS: ten attributes at the most | a map, as JSON in the one attribute `_datadog` | the map that is parsed from it |
/// | anything else | a closure, or this trait | [`HeaderLookup`], or [`Extractor`] |
///
/// A closure is given as `&mut |name: &str, value: String| ...`. Here, into headers of a message whose values are
/// bytes, and back:
///
/// ```
/// use tracehound::{HttpPropagator, SpanContext, SpanId, TraceId};
///
/// let context = SpanContext::new(TraceId::new(7).unwrap(), SpanId::new(9));
/// let mut message: Vec<(String, Vec<u8>)> = Vec::new();
/// HttpPropagator::default().inject_context(&context, &mut |name: &str, value: String| {
///     message.push((name.to_owned(), value.into_bytes()));
/// });
///
/// let headers: Vec<(&str, &[u8])> =
///     message.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
/// assert_eq!(HttpPropagator::default().extract(&headers), Some(context));
/// ```
///
/// A type of the program's own:
///
/// ```
/// use tracehound::Injector;
///
/// struct Record { headers: Vec<(String, Vec<u8>)> }
///
/// impl Injector for Record {
///     fn set(&mut self, name: &str, value: String) {
///         self.headers.retain(|(other, _)| other != name);
///         self.headers.push((name.to_owned(), value.into_bytes()));
///     }
/// }
/// ```
///
/// [`EnvExtractor`]: super::EnvExtractor
/// [`EnvInjector`]: super::EnvInjector
pub trait Injector {
    /// Sets a header, in place of any of the same name in any case.
    ///
    /// A carrier that cannot hold the name or the value leaves it out.
    fn set(&mut self, name: &str, value: String);

    /// Sets all headers of one context; by default by a call of [`Injector::set`] for each, which is always
    /// right.
    ///
    /// For a carrier that knows how many come, or that can keep borrowed values in a better way than a
    /// `String` for each.
    fn set_all(&mut self, headers: &HeaderBlock<'_>) {
        headers.for_each_owned(|name, value| self.set(name, value));
    }
}

/// Something that headers are read from.
///
/// Implemented for `http::HeaderMap` (feature `http`), for maps, slices, arrays and vectors of names and
/// values (text or bytes), and by [`EnvExtractor`]. Where a carrier can only be asked by name, wrap it in
/// [`HeaderLookup`]; [`Injector`] has a table of carriers. In maps and slices the names of CGI (`HTTP_X_DATADOG_TRACE_ID`) count as well.
///
/// ```
/// use tracehound::Extractor;
///
/// struct Record { headers: Vec<(String, Vec<u8>)> }
///
/// impl Extractor for Record {
///     fn for_each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
///         for (name, value) in &self.headers {
///             visit(name, value);
///         }
///     }
/// }
/// ```
///
/// [`EnvExtractor`]: super::EnvExtractor
pub trait Extractor {
    /// Shows every header, in order, a repeated one as often as it is there. Names may have any case.
    ///
    /// The one pass over all headers takes less time than a search for each of the dozen names that may be
    /// there, and sees repeated headers and names that only begin in a known way.
    fn for_each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8]));

    /// Shows the headers of some names, which are in lower case; by default all headers, which is always right.
    ///
    /// For a carrier that finds a name faster than it shows everything. What else it shows is passed over.
    fn for_each_of<'a>(&'a self, names: &[&'static str], visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        let _ = names;
        self.for_each(visit);
    }

    /// The first header of a name, in any case, if its value is text.
    fn header<'a>(&'a self, name: &str) -> Option<&'a str> {
        let mut found = None;
        self.for_each(&mut |key, value| {
            if found.is_none() && key.eq_ignore_ascii_case(name) {
                found = Some(value);
            }
        });
        std::str::from_utf8(found?).ok()
    }
}

// ===== writing =====

impl<F: FnMut(&str, String)> Injector for F {
    fn set(&mut self, name: &str, value: String) {
        self(name, value);
    }
}

macro_rules! injectors {
    ($([$($more:tt)*] $map:ty: |$($entry:pat_param),+| $key:ident;)*) => {
        $(impl<$($more)*> Injector for $map {
            fn set(&mut self, name: &str, value: String) {
                self.retain(|$($entry),+| !$key.eq_ignore_ascii_case(name));
                self.extend([(name.to_owned(), value)]);
            }

            fn set_all(&mut self, headers: &HeaderBlock<'_>) {
                if !self.is_empty() {
                    return headers.for_each_owned(|name, value| self.set(name, value));
                }
                // Nothing is replaced, and so nothing is looked for.
                self.extend(headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
            }
        })*
    };
}

injectors! {
    [S: BuildHasher] HashMap<String, String, S>: |key, _| key;
    [] BTreeMap<String, String>: |key, _| key;
    [] Vec<(String, String)>: |(key, _)| key;
}

// ===== reading =====

macro_rules! text_maps {
    ($([$($more:tt)*] $map:ty;)*) => {
        $(impl<K: AsRef<str>, V: AsRef<[u8]>, $($more)*> Extractor for $map {
            fn for_each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
                for (name, value) in self {
                    visit(without_cgi(name.as_ref()), value.as_ref());
                }
            }
        })*
    };
}

text_maps! {
    [S] HashMap<K, V, S>;
    [] BTreeMap<K, V>;
    [] [(K, V)];
    [] Vec<(K, V)>;
    [const N: usize] [(K, V); N];
}

/// So that a slice, which has no size, can be given as `&slice`.
impl<T: Extractor + ?Sized> Extractor for &T {
    fn for_each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        (**self).for_each(visit);
    }

    fn for_each_of<'a>(&'a self, names: &[&'static str], visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        (**self).for_each_of(names, visit);
    }

    fn header<'a>(&'a self, name: &str) -> Option<&'a str> {
        (**self).header(name)
    }
}

/// CGI's name of a header that is understood, as the header's own; any other name as it is.
///
/// Not for real HTTP headers, where a client could slip `http_...` past a proxy that strips the real one.
fn without_cgi(name: &str) -> &str {
    match name.strip_prefix("HTTP_").and_then(Field::of_variable) {
        Some(field) => field.header(),
        None => name,
    }
}

/// A carrier that answers for one name at a time, made from a closure.
///
/// It is asked once for each header of the styles that are read; repeated headers and legacy baggage
/// (`ot-baggage-*`) cannot be seen this way.
///
/// ```
/// use tracehound::{Extractor, HeaderLookup};
///
/// let document = [("traceparent", "00-...")];
/// let carrier = HeaderLookup::new(|name| {
///     document.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_bytes())
/// });
/// assert_eq!(carrier.header("traceparent"), Some("00-..."));
/// ```
pub struct HeaderLookup<'c, F> {
    find: F,
    carrier: PhantomData<&'c [u8]>,
}

impl<'c, F: Fn(&str) -> Option<&'c [u8]>> HeaderLookup<'c, F> {
    /// Asks `find` for the value of a header by its name in lower case.
    pub fn new(find: F) -> Self {
        HeaderLookup { find, carrier: PhantomData }
    }
}

impl<'c, F: Fn(&str) -> Option<&'c [u8]>> Extractor for HeaderLookup<'c, F> {
    fn for_each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        self.for_each_of(&Field::all().map(Field::header).collect::<Vec<_>>(), visit);
    }

    fn for_each_of<'a>(&'a self, names: &[&'static str], visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        for name in names {
            if let Some(value) = (self.find)(name) {
                visit(name, value);
            }
        }
    }

    fn header<'a>(&'a self, name: &str) -> Option<&'a str> {
        std::str::from_utf8((self.find)(name)?).ok()
    }
}

impl<F> fmt::Debug for HeaderLookup<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeaderLookup").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(carrier: &dyn Extractor) -> Vec<String> {
        let mut names = Vec::new();
        carrier.for_each(&mut |name, _| names.push(name.to_owned()));
        names.sort();
        names
    }

    #[test]
    fn setting_replaces_a_header_in_any_case() {
        let old = || [("Traceparent".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
        let mut map: HashMap<_, _> = old().into();
        let mut tree: BTreeMap<_, _> = old().into();
        let mut list = Vec::from(old());
        for carrier in [&mut map as &mut dyn Injector, &mut tree, &mut list] {
            carrier.set("traceparent", "3".to_owned());
            carrier.set("traceparent", "4".to_owned());
        }
        for carrier in [&map as &dyn Extractor, &tree, &list] {
            assert_eq!(names(carrier), ["a", "traceparent"]);
            assert_eq!(carrier.header("TRACEPARENT"), Some("4"));
        }
    }

    #[test]
    fn names_of_cgi_count_in_text_maps() {
        let carrier = [("HTTP_X_DATADOG_TRACE_ID", "1"), ("HTTP_COOKIE", "c"), ("http_b3", "0")];
        assert_eq!(names(&carrier), ["HTTP_COOKIE", "http_b3", "x-datadog-trace-id"]);
    }

    #[test]
    fn the_first_of_several_is_found_and_bytes_that_are_no_text_are_not() {
        let carrier: [(&str, &[u8]); 3] = [("a", b"1"), ("A", b"2"), ("b", b"\xff")];
        assert_eq!(carrier.header("a"), Some("1"));
        assert_eq!(carrier.header("b"), None);
        assert_eq!(carrier.header("c"), None);
    }
}
