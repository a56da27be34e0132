//! Headers, as `opentelemetry-http` carries them.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector};
use workload::Sent;

/// Headers that are dropped.
pub(crate) struct Out(pub(crate) Sent);

impl Injector for Out {
    fn set(&mut self, key: &str, value: String) {
        self.0.set(key, value);
    }
}

/// Headers of a request that goes out.
pub(crate) struct Map<'m>(pub(crate) &'m mut HeaderMap);

impl Injector for Map<'_> {
    fn set(&mut self, key: &str, value: String) {
        let name = HeaderName::from_bytes(key.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
            self.0.insert(name, value);
        }
    }
}

/// Headers of a request that came in.
pub(crate) struct Incoming<'m>(pub(crate) &'m HeaderMap);

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let all: Vec<_> = self.0.get_all(key).iter().filter_map(|v| v.to_str().ok()).collect();
        (!all.is_empty()).then_some(all)
    }
}
