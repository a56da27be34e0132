//! The headers of one context, put together in one buffer, checked once, and lent to the carrier.

use super::carrier::Injector;
use super::names::{FIELDS, Field};
use super::scratch::Scratch;

/// Headers on their way into a carrier, for [`Injector::set_all`]: names in lower case and values, borrowed
/// for the call. No name is there twice.
#[derive(Clone, Copy, Debug)]
pub struct HeaderBlock<'a> {
    /// The values, one behind the other.
    text: &'a str,
    entries: &'a [Entry],
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    field: Field,
    /// Where the value ends; it begins where the one before does.
    end: usize,
}

impl<'a> HeaderBlock<'a> {
    /// Names and values, in the order in which they are to be written.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'a str)> + use<'a> {
        self.fields().map(|(field, value)| (field.header(), value))
    }

    /// How many headers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = (Field, &'a str)> + use<'a> {
        let text = self.text;
        let mut start = 0;
        self.entries.iter().map(move |entry| {
            let value = text.get(start..entry.end).unwrap_or_default();
            start = entry.end;
            (entry.field, value)
        })
    }
}

/// A block that is being written.
#[derive(Debug)]
pub(super) struct Draft<'b> {
    text: &'b mut Vec<u8>,
    entries: [Entry; FIELDS],
    len: usize,
}

impl Draft<'_> {
    /// Adds a header with the value that `write` appends, in whole characters; none where it appends nothing.
    #[inline]
    pub(super) fn add(&mut self, field: Field, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.text.len();
        write(self.text);
        let end = self.text.len();
        if let Some(entry) = self.entries.get_mut(self.len).filter(|_| end > start) {
            *entry = Entry { field, end };
            self.len = self.len.wrapping_add(1);
        }
    }
}

/// Gives a carrier all headers that `write` adds, each field once.
pub(super) fn send<T>(carrier: &mut dyn Injector, write: impl FnOnce(&mut Draft<'_>) -> T) -> T {
    Scratch::with(|scratch| {
        let text = scratch.clear();
        let entries = [Entry { field: Field::Baggage, end: 0 }; FIELDS];
        let mut draft = Draft { text, entries, len: 0 };
        let result = write(&mut draft);
        let Draft { text, entries, len } = draft;
        let entries = entries.get(..len).unwrap_or_default();
        if !entries.is_empty() {
            let text = std::str::from_utf8(text).unwrap_or_default();
            carrier.set_all(&HeaderBlock { text, entries });
        }
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_the_headers_that_have_a_value_in_their_order() {
        let mut seen = Vec::new();
        struct Seen<'s>(&'s mut Vec<(String, String)>);
        impl Injector for Seen<'_> {
            fn set(&mut self, _: &str, _: String) {
                panic!("all come at once");
            }

            fn set_all(&mut self, headers: &HeaderBlock<'_>) {
                assert_eq!((headers.len(), headers.is_empty()), (2, false));
                self.0.extend(headers.iter().map(|(name, value)| (name.into(), value.into())));
            }
        }
        let result = send(&mut Seen(&mut seen), |draft| {
            draft.add(Field::Tracestate, |text| text.extend_from_slice("é".as_bytes()));
            draft.add(Field::B3, |_| {});
            draft.add(Field::Baggage, |text| text.push(b'1'));
            7
        });
        assert_eq!(result, 7);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(seen, [pair("tracestate", "é"), pair("baggage", "1")]);
    }

    #[test]
    fn a_carrier_never_sees_an_empty_block() {
        send(&mut |_: &str, _: String| panic!("there is nothing to write"), |_| {});
    }

    #[test]
    fn a_carrier_may_inject_while_it_is_injected_into() {
        let mut all = Vec::new();
        let mut outer = |_: &str, value: String| {
            all.push(value);
            send(&mut |_: &str, value: String| all.push(value), |draft| {
                draft.add(Field::B3, |text| text.push(b'2'));
            });
        };
        send(&mut outer, |draft| draft.add(Field::B3, |text| text.push(b'1')));
        assert_eq!(all, ["1", "2"]);
    }
}
