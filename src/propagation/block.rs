//! The headers of one context, put together in one buffer and lent to the carrier.

use std::mem;

use super::carrier::Injector;
use super::names::{FIELDS, Field};
use super::scratch;

/// Headers on their way into a carrier, for [`Injector::set_all`]: names in lower case and values, borrowed
/// for the call. No name is there twice.
#[derive(Clone, Copy, Debug)]
pub struct HeaderBlock<'a> {
    /// The values, one behind the other, in UTF-8. The vector itself: a slice of it, made right after something
    /// was appended, would wait for that.
    text: &'a Vec<u8>,
    entries: &'a [Entry],
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    field: Field,
    /// Of the value, which begins where the one before ends.
    len: usize,
}

impl<'a> HeaderBlock<'a> {
    /// Names and values, in the order in which they are to be written.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'a str)> + use<'a> {
        self.fields().map(|(field, value)| (field.header(), value))
    }

    #[inline]
    pub(super) fn fields(&self) -> impl Iterator<Item = (Field, &'a str)> + use<'a> {
        // All at once: a check for each value takes longer.
        let mut rest = std::str::from_utf8(self.text).unwrap_or_default();
        self.entries.iter().map(move |entry| {
            let (value, behind) = rest.split_at_checked(entry.len).unwrap_or_default();
            rest = behind;
            (entry.field, value)
        })
    }

    /// Gives each header away, in the same order, as a `String` of its own.
    #[inline]
    pub fn for_each_owned(&self, mut take: impl FnMut(&'static str, String)) {
        // All are made before the first is given away: one that is moved as soon as it is made is read in other
        // pieces than it was written in, and processors wait for that.
        let mut values = [const { String::new() }; FIELDS];
        for ((_, value), into) in self.iter().zip(&mut values) {
            *into = value.to_owned();
        }
        for (entry, value) in self.entries.iter().zip(&mut values) {
            take(entry.field.header(), mem::take(value));
        }
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
}

/// A block that is being written.
#[derive(Debug)]
pub(crate) struct Draft<'b> {
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
        let len = self.text.len().saturating_sub(start);
        if let Some(entry) = self.entries.get_mut(self.len).filter(|_| len > 0) {
            *entry = Entry { field, len };
            self.len = self.len.wrapping_add(1);
        }
    }
}

/// Gives a carrier all headers that `write` adds, each field once.
pub(crate) fn send<T>(carrier: &mut dyn Injector, write: impl FnOnce(&mut Draft<'_>) -> T) -> T {
    scratch::with(|text| {
        let entries = [Entry { field: Field::Baggage, len: 0 }; FIELDS];
        let mut draft = Draft { text, entries, len: 0 };
        let result = write(&mut draft);
        let entries = draft.entries.get(..draft.len).unwrap_or_default();
        if !entries.is_empty() {
            carrier.set_all(&HeaderBlock { text: draft.text, entries });
        }
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_the_headers_that_have_a_value_in_their_order() {
        struct Seen(Vec<(String, String)>);
        impl Injector for Seen {
            fn set(&mut self, _: &str, _: String) {
                panic!("all come at once");
            }

            fn set_all(&mut self, headers: &HeaderBlock<'_>) {
                assert_eq!((headers.len(), headers.is_empty()), (2, false));
                self.0.extend(headers.iter().map(|(name, value)| (name.into(), value.into())));
            }
        }
        let mut seen = Seen(Vec::new());
        let result = send(&mut seen, |draft| {
            draft.add(Field::Tracestate, |text| text.extend_from_slice("é".as_bytes()));
            draft.add(Field::B3, |_| {});
            draft.add(Field::Baggage, |text| text.push(b'1'));
            7
        });
        assert_eq!(result, 7);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(seen.0, [pair("tracestate", "é"), pair("baggage", "1")]);
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
