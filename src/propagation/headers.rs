//! The headers of one request that some style reads, found in one pass.

#![deny(clippy::arithmetic_side_effects)]

use super::carrier::Extractor;
use super::chars::trim;
use super::names::{FIELDS, Field, legacy_baggage_key};

/// Borrowed from the carrier; only a list that came in several headers is copied.
#[derive(Debug, Default)]
pub(super) struct Headers<'a> {
    first: [Option<&'a [u8]>; FIELDS],
    /// The whole list, where it came in several headers.
    tracestate: Option<Vec<u8>>,
    baggage: Option<Vec<u8>>,
    /// Keys and values of `ot-baggage-*`.
    pub(super) legacy_baggage: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Headers<'a> {
    /// Reads the headers of these names, and any other of [`Field`] that the carrier shows.
    pub(super) fn collect(carrier: &'a dyn Extractor, names: &[&'static str]) -> Self {
        let mut headers = Headers::default();
        carrier.for_each_of(names, &mut |name, value| {
            if let Some(field) = Field::of(name) {
                headers.add(field, value);
            }
        });
        headers
    }

    /// Reads all headers of [`Field`], and legacy baggage.
    pub(super) fn collect_all(carrier: &'a dyn Extractor) -> Self {
        let mut headers = Headers::default();
        carrier.for_each(&mut |name, value| match Field::of(name) {
            Some(field) => headers.add(field, value),
            None => {
                headers.legacy_baggage.extend(legacy_baggage_key(name).map(|key| (key, value)));
            }
        });
        headers
    }

    fn add(&mut self, field: Field, value: &'a [u8]) {
        let Some(slot) = self.first.get_mut(field as usize) else { return };
        let Some(first) = *slot else {
            *slot = Some(value);
            return;
        };
        let whole = match field {
            Field::Tracestate => &mut self.tracestate,
            Field::Baggage => &mut self.baggage,
            // Two contradict each other, or show that somebody forges headers: as good as one that is malformed.
            Field::Traceparent => return *slot = Some(b""),
            _ => return,
        };
        let whole = whole.get_or_insert_with(|| trim(first).to_vec());
        let value = trim(value);
        if !whole.is_empty() && !value.is_empty() {
            whole.push(b',');
        }
        whole.extend_from_slice(value);
    }

    /// A header's value: of several the first, but for those that are lists.
    pub(super) fn get(&self, field: Field) -> Option<&[u8]> {
        let whole = match field {
            Field::Tracestate => self.tracestate.as_deref(),
            Field::Baggage => self.baggage.as_deref(),
            _ => None,
        };
        whole.or_else(|| *self.first.get(field as usize)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_joined_and_of_the_others_the_first_counts() {
        let carrier = [
            ("X-Datadog-Trace-Id", "1"),
            ("x-datadog-trace-id", "2"),
            ("tracestate", " a=1 "),
            ("Tracestate", ""),
            ("tracestate", "b=2"),
            ("baggage", ""),
            ("baggage", "c=3"),
            ("other", "4"),
            ("traceparent", "1"),
            ("traceparent", "1"),
            ("OT-Baggage-userId", "5"),
        ];
        let headers = Headers::collect(&carrier, &[]);
        for (field, value) in [
            (Field::DatadogTraceId, Some("1")),
            (Field::Tracestate, Some("a=1,b=2")),
            (Field::Baggage, Some("c=3")),
            (Field::B3, None),
            (Field::Traceparent, Some("")),
        ] {
            assert_eq!(headers.get(field), value.map(str::as_bytes), "{field:?}");
        }
        // It is seen only when it is asked for.
        assert!(headers.legacy_baggage.is_empty());
        assert_eq!(Headers::collect_all(&carrier).legacy_baggage, [("userId", &b"5"[..])]);
    }
}
