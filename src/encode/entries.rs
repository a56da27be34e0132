//! Tags that were written as MessagePack, read again by the formats that are something else.
//!
//! Which tags a span has is decided in one place, `span_tags`, which writes them as entries of the maps `meta` and
//! `metrics`. A format that is no MessagePack has them written into a scratch buffer, and reads them from there.

use super::chunk_writer::SpanWriter;
use super::msgpack::Buffer;
use super::tag_maps::TagMaps;
use super::v04::V04;
use crate::trace::SpanView;

/// The tags of one span after the other.
#[derive(Debug, Default)]
pub(super) struct TagEntries {
    texts: Buffer,
    maps: TagMaps,
}

impl TagEntries {
    /// Takes the tags of a span in place of those of the one before.
    pub(super) fn take(&mut self, spans: &SpanWriter<'_>, span: &SpanView<'_>, is_head: bool) {
        let TagEntries { texts, maps } = self;
        texts.clear();
        maps.clear();
        let is_of_tracer = spans.is_of_tracer(span);
        spans.tags(&mut V04 { out: texts, tags: maps }, span, is_of_tracer, is_head);
    }

    /// The entries of `meta`.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        texts(self.texts.as_bytes())
    }

    /// The entries of `metrics`.
    pub(super) fn numbers(&self) -> impl Iterator<Item = (&str, Number)> {
        numbers(self.maps.waiting.as_bytes())
    }
}

/// The value of an entry of `metrics`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Whole(i64),
    Float(f64),
}

impl Number {
    /// The number as a float, which it is for the agent.
    #[expect(clippy::cast_precision_loss, reason = "written as an integer only below 2^53")]
    pub(super) fn as_f64(self) -> f64 {
        match self {
            Number::Whole(whole) => whole as f64,
            Number::Float(float) => float,
        }
    }

    /// A whole number as one, also where it was written as a float because it is large.
    pub(super) fn simplest(self) -> Self {
        let Number::Float(float) = self else { return self };
        #[expect(clippy::cast_possible_truncation, reason = "saturates; compared right after")]
        let whole = float as i64;
        // Compared by their bits, because minus zero has to stay a float. `i64::MAX` is no float.
        let is_same =
            whole != i64::MAX && Number::Whole(whole).as_f64().to_bits() == float.to_bits();
        if is_same { Number::Whole(whole) } else { self }
    }
}

/// The entries of a map of texts.
pub(super) fn texts(bytes: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = bytes;
    std::iter::from_fn(move || Some((text(&mut rest)?, text(&mut rest)?)))
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = (&str, Number)> {
    let mut rest = bytes;
    std::iter::from_fn(move || Some((text(&mut rest)?, number(&mut rest)?)))
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let len = rmp::decode::read_str_len(rest).ok()?;
    let (text, after) = rest.split_at_checked(usize::try_from(len).ok()?)?;
    *rest = after;
    std::str::from_utf8(text).ok()
}

fn number(rest: &mut &[u8]) -> Option<Number> {
    let mut whole = *rest;
    if let Ok(number) = rmp::decode::read_int(&mut whole) {
        *rest = whole;
        return Some(Number::Whole(number));
    }
    rmp::decode::read_f64(rest).ok().map(Number::Float)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::msgpack::Buffer;
    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(
            pairs in prop::collection::vec(("\\PC{0,40}", "\\PC{0,300}"), 0..6),
            metrics in prop::collection::vec(("[a-z]{0,40}", any::<f64>(), any::<i64>()), 0..6),
        ) {
            let (mut meta, mut numeric) = (Buffer::default(), Buffer::default());
            for (key, value) in &pairs {
                meta.str(key.as_bytes());
                meta.text(value.as_bytes());
            }
            for (key, float, whole) in &metrics {
                numeric.str(key.as_bytes());
                numeric.number(*float);
                numeric.str(key.as_bytes());
                numeric.integral(*whole);
            }
            let expected: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            prop_assert_eq!(texts(meta.as_bytes()).collect::<Vec<_>>(), expected);
            let read: Vec<_> = numbers(numeric.as_bytes()).collect();
            prop_assert_eq!(read.len(), 2 * metrics.len());
            for (pair, (key, float, whole)) in read.chunks(2).zip(&metrics) {
                prop_assert!(pair.iter().all(|(name, _)| name == key));
                prop_assert_eq!(pair[0].1.as_f64().to_bits(), float.to_bits());
                prop_assert_eq!(pair[0].1.simplest().as_f64().to_bits(), float.to_bits());
                prop_assert_eq!(pair[1].1.as_f64().to_bits(), (*whole as f64).to_bits());
            }
        }
    }

    #[test]
    fn whole_numbers_are_simplest_as_such() {
        for (number, simplest) in [
            (Number::Float(5e9), Number::Whole(5_000_000_000)),
            (Number::Float(-0.0), Number::Float(-0.0)),
            (Number::Float(1.5), Number::Float(1.5)),
            (Number::Float(1e300), Number::Float(1e300)),
            (
                Number::Float(9_223_372_036_854_775_807.0),
                Number::Float(9_223_372_036_854_775_807.0),
            ),
            (Number::Whole(-3), Number::Whole(-3)),
        ] {
            assert_eq!(number.simplest(), simplest);
        }
        assert!(matches!(Number::Float(f64::NAN).simplest(), Number::Float(_)));
    }
}
