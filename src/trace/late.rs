//! Tags in another API's own terms, which become tags when somebody looks.

use std::any::Any;
use std::fmt;

use super::record::Record;
use super::tags::Tags;
use super::value::TagValue;
use crate::text::Text;

/// Tags as another API has them, one or many, for [`SpanRef::set_late_tags`](crate::SpanRef::set_late_tags).
///
/// They become tags of the core when these are needed: when tags are read, when the sampling decision is
/// taken, and otherwise in the background, where the conversion costs the application nothing.
pub trait LateTags: fmt::Debug + Send + 'static {
    /// The keys. Where one means something to the core (`service.name`, `manual.keep`), all are converted at
    /// once.
    fn keys(&self) -> impl Iterator<Item = &str>;

    /// Bytes that the tags hold on the heap, about: they count for the bounds on what waits to be sent.
    fn heap_bytes(&self) -> usize;

    /// Hands over the tags, in the order in which they were set. What is left is dropped.
    ///
    /// Runs on any thread, under the lock of the trace: it must not touch spans, and must not panic.
    fn hand_over(&mut self, put: &mut impl FnMut(Text, TagValue<'_>));
}

/// Late tags of one trace that wait at the most, each call counted as one. Beyond it they are converted: a
/// loop that sets the same tag again and again must not grow anything.
const MAX_WAITING: usize = 16_384;

/// The late tags of a trace, in the order in which they were set.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    items: Option<Box<dyn Items>>,
    /// Of `items`, known without asking them.
    len: usize,
    heap_bytes: usize,
}

trait Items: fmt::Debug + Send {
    fn as_any(&mut self) -> &mut dyn Any;
    fn capacity(&self) -> usize;
    fn item_bytes(&self) -> usize;
    /// Converts all of them.
    fn convert(&mut self, spans: &mut [Record], tags: &mut Tags);
    /// Converts those of some slots, and keeps the others.
    fn convert_some(&mut self, of: &dyn Fn(u32) -> bool, spans: &mut [Record], tags: &mut Tags);
    fn clear(&mut self);
}

#[derive(Debug)]
struct Of<T> {
    items: Vec<(u32, Option<T>)>,
}

impl<T: LateTags> Items for Of<T> {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn capacity(&self) -> usize {
        self.items.capacity()
    }

    fn item_bytes(&self) -> usize {
        size_of::<(u32, Option<T>)>()
    }

    // One loop for each API, with all of the way into the tags in it, and nothing moved: through a `dyn` for each
    // tag it takes twice the time.
    fn convert(&mut self, spans: &mut [Record], tags: &mut Tags) {
        for (slot, item) in &mut self.items {
            if let (Some(record), Some(item)) = (spans.get_mut(*slot as usize), item) {
                item.hand_over(&mut |key, value| tags.set_any(&mut record.tags, key, value));
            }
        }
        self.items.clear();
    }

    fn convert_some(&mut self, of: &dyn Fn(u32) -> bool, spans: &mut [Record], tags: &mut Tags) {
        self.items.retain_mut(|(slot, item)| {
            if !of(*slot) {
                return true;
            }
            if let (Some(record), Some(item)) = (spans.get_mut(*slot as usize), item) {
                item.hand_over(&mut |key, value| tags.set_any(&mut record.tags, key, value));
            }
            false
        });
    }

    fn clear(&mut self) {
        self.items.clear();
    }
}

impl Waiting {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the next one may only come after a conversion.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.len >= MAX_WAITING
    }

    pub(super) fn capacity(&self) -> usize {
        self.items.as_ref().map_or(0, |items| items.capacity())
    }

    /// What they hold in memory.
    pub(super) fn bytes(&self) -> usize {
        let each = self.items.as_ref().map_or(0, |items| items.item_bytes());
        self.len.saturating_mul(each).saturating_add(self.heap_bytes)
    }

    /// Adds some; gives them back where another API's wait.
    #[inline]
    pub(super) fn push<T: LateTags>(&mut self, slot: u32, tags: T) -> Result<(), T> {
        let heap_bytes = tags.heap_bytes();
        let is_empty = self.is_empty();
        match self.items.as_mut().and_then(|items| items.as_any().downcast_mut::<Of<T>>()) {
            Some(of) => of.items.push((slot, Some(tags))),
            None if is_empty => {
                self.items = Some(Box::new(Of { items: vec![(slot, Some(tags))] }));
            }
            None => return Err(tags),
        }
        self.len = self.len.saturating_add(1);
        self.heap_bytes = self.heap_bytes.saturating_add(heap_bytes);
        Ok(())
    }

    /// Converts all of them into tags of these spans.
    pub(super) fn convert(&mut self, spans: &mut [Record], tags: &mut Tags) {
        if let Some(items) = &mut self.items {
            items.convert(spans, tags);
        }
        (self.len, self.heap_bytes) = (0, 0);
    }

    /// Converts those of some slots. What the others hold is counted as before: too much rather than too
    /// little.
    pub(super) fn convert_some(
        &mut self,
        of: &dyn Fn(u32) -> bool,
        spans: &mut [Record],
        tags: &mut Tags,
    ) {
        if let Some(items) = &mut self.items {
            items.convert_some(of, spans, tags);
        }
    }

    /// Drops what was never converted.
    pub(super) fn clear(&mut self) {
        if let Some(items) = &mut self.items {
            items.clear();
        }
        (self.len, self.heap_bytes) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::testkit::Bench;
    use proptest::prelude::*;

    #[derive(Debug)]
    struct Pair(&'static str, i64);

    impl LateTags for Pair {
        fn keys(&self) -> impl Iterator<Item = &str> {
            [self.0].into_iter()
        }

        fn heap_bytes(&self) -> usize {
            10
        }

        fn hand_over(&mut self, put: &mut impl FnMut(Text, TagValue<'_>)) {
            put(self.0.into(), self.1.into());
        }
    }

    /// Another API's.
    #[derive(Debug)]
    struct Words(&'static [&'static str]);

    impl LateTags for Words {
        fn keys(&self) -> impl Iterator<Item = &str> {
            self.0.iter().copied()
        }

        fn heap_bytes(&self) -> usize {
            0
        }

        fn hand_over(&mut self, put: &mut impl FnMut(Text, TagValue<'_>)) {
            self.0.iter().for_each(|word| put((*word).into(), (*word).into()));
        }
    }

    #[test]
    fn whoever_looks_sees_them() {
        let bench = Bench::new();
        let span = bench.span("a").root().start();
        span.set_late_tags(Pair("late", 1));
        assert_eq!(span.metric("late"), Some(1.0));
        span.set_late_tags(Pair("late", 2));
        span.set_tag("late", 3);
        assert_eq!(span.metric("late"), Some(3.0));
        span.set_late_tags(Words(&["word", "other"]));
        span.set_late_tags(Pair("late", 4));
        span.set_late_tags(Words(&[]));
        span.remove_tag("word");
        span.set_late_tags(Pair("unseen", 5));
        drop(span);
        let chunks = bench.take_chunks();
        let view = chunks[0].spans().next().unwrap();
        assert_eq!(view.metric("late"), Some(4.0));
        assert_eq!(view.metric("unseen"), Some(5.0));
        assert_eq!(view.tag("word"), None);
        assert_eq!(view.tag("other").as_deref(), Some("other"));
    }

    #[test]
    fn a_key_that_means_something_is_converted_at_once() {
        let bench = Bench::new();
        let span = bench.span("a").root().start();
        span.set_late_tags(Pair("manual.keep", 1));
        assert!(span.priority().is_some_and(crate::trace::Priority::is_keep));
        span.set_late_tags(Pair("http.status_code", 404));
        assert_eq!(span.tag("http.status_code").as_deref(), Some("404"));
    }

    #[test]
    fn a_span_that_has_finished_takes_none() {
        let bench = Bench::new();
        let root = bench.span("root").root().start();
        let child = bench.span("child").child_of(&root).start();
        child.finish();
        child.set_late_tags(Pair("late", 1));
        assert_eq!(child.metric("late"), None);
    }

    #[test]
    fn a_loop_grows_nothing() {
        let mut tags = Waiting::default();
        let mut waiting = 0;
        for number in 0..3 * MAX_WAITING {
            if tags.is_full() {
                tags.convert(&mut [], &mut Tags::default());
            }
            tags.push(0, Pair("a", number as i64)).unwrap();
            waiting = waiting.max(tags.bytes());
        }
        assert!(tags.capacity() <= 2 * MAX_WAITING);
        assert!(waiting >= MAX_WAITING * 10);
        let span = Bench::new().span("a").root().start();
        for number in 0..=MAX_WAITING {
            span.set_late_tags(Pair("a", number as i64));
        }
        assert_eq!(span.metric("a"), Some(MAX_WAITING as f64));
    }

    proptest! {
        /// A partial flush in between changes nothing of what each span has in the end.
        #[test]
        fn every_span_keeps_its_own(
            steps in prop::collection::vec((0..6usize, 0..4u8, any::<bool>()), 1..80),
            least in 1..5u32,
        ) {
            const KEYS: [&str; 4] = ["a", "b", "c", "d"];
            let bench = Bench::with(|shared| shared.partial_flush = Some(least));
            let root = bench.span("root").root().start();
            let mut open: Vec<_> = Vec::new();
            let mut model: Vec<(u64, [Option<i64>; 4])> = Vec::new();
            let child = |open: &mut Vec<_>, model: &mut Vec<(u64, [Option<i64>; 4])>| {
                let span = bench.span("child").child_of(&root).start();
                model.push((span.span_id().unwrap().get(), [None; 4]));
                open.push((span, model.len() - 1));
            };
            for (number, (at, key, is_late)) in steps.into_iter().enumerate() {
                if open.len() <= at {
                    child(&mut open, &mut model);
                    continue;
                }
                if at == 5 {
                    drop(open.remove(0));
                    continue;
                }
                let (span, place) = &open[at];
                let value = number as i64;
                model[*place].1[usize::from(key)] = Some(value);
                if is_late {
                    span.set_late_tags(Pair(KEYS[usize::from(key)], value));
                } else {
                    span.set_tag(KEYS[usize::from(key)], value);
                }
            }
            drop(open);
            drop(root);
            let mut seen = 0;
            for chunk in bench.take_chunks() {
                for span in chunk.spans() {
                    let id = span.span_id().unwrap().get();
                    let Some((_, expected)) = model.iter().find(|(other, _)| *other == id) else {
                        continue;
                    };
                    seen += 1;
                    for (key, value) in KEYS.iter().zip(expected) {
                        prop_assert_eq!(span.metric(key), value.map(|value| value as f64));
                    }
                }
            }
            prop_assert_eq!(seen, model.len());
        }
    }
}
