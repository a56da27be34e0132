//! Tags in another API's own terms, which become tags when somebody looks.

use std::any::Any;
use std::fmt;

use super::slots::Slots;
use super::tags::Tags;
use super::value::TagValue;
use crate::text::Text;

/// Tags as another API has them, one or many, for [`SpanRef::set_late_tags`](crate::SpanRef::set_late_tags).
///
/// They become tags of the core when these are needed: when tags are read, when the sampling decision is
/// taken, and otherwise in the background, where the conversion costs the application nothing.
pub trait LateTags: fmt::Debug + Send + 'static {
    /// Hands over the tags, in the order in which they were set. What is left is dropped.
    ///
    /// Runs on any thread, under the lock of the trace: it must not touch spans, and must not panic.
    fn hand_over(&mut self, put: &mut impl FnMut(Text, TagValue<'_>));
}

/// Late tags of one trace that wait at the most, each call counted as one. Beyond it they are converted: a
/// loop that sets the same tag again and again must not grow anything.
const MAX_WAITING: usize = 16_384;

/// The late tags of a trace, in the order in which they were set; all of one type, which only those know who add
/// some.
#[derive(Debug)]
pub(super) struct Waiting {
    all: Box<dyn Any + Send>,
    items: fn(&(dyn Any + Send)) -> Option<&dyn Items>,
    items_mut: fn(&mut (dyn Any + Send)) -> Option<&mut dyn Items>,
    /// Whether there are any, known without asking.
    any: bool,
    heap_bytes: usize,
}

trait Items {
    fn capacity(&self) -> usize;
    fn item_bytes(&self) -> usize;
    /// Converts all of them.
    fn convert(&mut self, spans: &mut Slots, tags: &mut Tags);
    /// Converts those of spans that are open here, and keeps the others.
    fn convert_open(&mut self, spans: &mut Slots, tags: &mut Tags);
    fn clear(&mut self);
}

#[derive(Debug)]
struct Of<T> {
    items: Vec<Late<T>>,
}

/// Tags of the span in a slot. They come first, so that they are moved to their place before anything else is.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Late<T> {
    pub(super) tags: T,
    pub(super) slot: u32,
}

impl<T: LateTags> Items for Of<T> {
    fn capacity(&self) -> usize {
        self.items.capacity()
    }

    fn item_bytes(&self) -> usize {
        size_of::<Late<T>>()
    }

    // One loop for each API, with all of the way into the tags in it, and nothing moved: through a `dyn` for each
    // tag it takes twice the time.
    fn convert(&mut self, spans: &mut Slots, tags: &mut Tags) {
        for Late { tags: late, slot } in &mut self.items {
            if let Some(record) = spans.get_mut(*slot) {
                late.hand_over(&mut |key, value| tags.set_any(&mut record.tags, key, value));
            }
        }
        self.items.clear();
    }

    fn convert_open(&mut self, spans: &mut Slots, tags: &mut Tags) {
        self.items.retain_mut(|Late { tags: late, slot }| {
            let open = spans.get_mut(*slot).filter(|record| record.is_open());
            let is_kept = open.is_none();
            if let Some(record) = open {
                late.hand_over(&mut |key, value| tags.set_any(&mut record.tags, key, value));
            }
            is_kept
        });
    }

    fn clear(&mut self) {
        self.items.clear();
    }
}

impl Waiting {
    fn of<T: LateTags>() -> Self {
        Waiting {
            all: Box::new(Of::<T> { items: Vec::new() }),
            items: |all| all.downcast_ref::<Of<T>>().map(|of| of as &dyn Items),
            items_mut: |all| all.downcast_mut::<Of<T>>().map(|of| of as &mut dyn Items),
            any: false,
            heap_bytes: 0,
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        !self.any
    }

    #[inline]
    pub(super) fn heap_bytes(&self) -> usize {
        self.heap_bytes
    }

    pub(super) fn capacity(&self) -> usize {
        (self.items)(&*self.all).map_or(0, |items| items.capacity())
    }

    /// What they hold in memory, unused room included.
    pub(super) fn bytes(&self) -> usize {
        let room = |items: &dyn Items| items.capacity().saturating_mul(items.item_bytes());
        (self.items)(&*self.all).map_or(0, room).saturating_add(self.heap_bytes)
    }

    /// Where the others are, if they are of this type. One more counts from now on.
    #[inline]
    pub(super) fn others<T: LateTags>(&mut self, heap_bytes: usize) -> Option<&mut Vec<Late<T>>> {
        let of = self.all.downcast_mut::<Of<T>>()?;
        self.any = true;
        self.heap_bytes = self.heap_bytes.wrapping_add(heap_bytes);
        Some(&mut of.items)
    }

    /// Whether one more may be added before a conversion: not where others' wait, or too many.
    pub(super) fn takes<T: LateTags>(&self) -> bool {
        match self.all.downcast_ref::<Of<T>>() {
            Some(of) => of.items.len() < MAX_WAITING,
            None => self.is_empty(),
        }
    }

    /// Where to put one more that is taken.
    pub(super) fn room<T: LateTags>(
        this: &mut Option<Box<Self>>,
        heap_bytes: usize,
    ) -> Option<&mut Vec<Late<T>>> {
        let fits = |waiting: &Self| waiting.all.is::<Of<T>>();
        if !this.as_deref().is_some_and(fits) {
            *this = Some(Box::new(Waiting::of::<T>()));
        }
        this.as_mut()?.others(heap_bytes)
    }

    fn items_mut(&mut self) -> Option<&mut dyn Items> {
        (self.items_mut)(&mut *self.all)
    }

    /// Converts all of them into tags of these spans.
    pub(super) fn convert(&mut self, spans: &mut Slots, tags: &mut Tags) {
        if let Some(items) = self.items_mut() {
            items.convert(spans, tags);
        }
        (self.any, self.heap_bytes) = (false, 0);
    }

    /// Converts those of spans that are open here. What the others hold is counted as before: too much rather
    /// than too little.
    pub(super) fn convert_open(&mut self, spans: &mut Slots, tags: &mut Tags) {
        if let Some(items) = self.items_mut() {
            items.convert_open(spans, tags);
        }
    }

    /// Drops what was never converted.
    pub(super) fn clear(&mut self) {
        if let Some(items) = self.items_mut() {
            items.clear();
        }
        (self.any, self.heap_bytes) = (false, 0);
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
        fn hand_over(&mut self, put: &mut impl FnMut(Text, TagValue<'_>)) {
            put(self.0.into(), self.1.into());
        }
    }

    /// Another API's.
    #[derive(Debug)]
    struct Words(&'static [&'static str]);

    impl LateTags for Words {
        fn hand_over(&mut self, put: &mut impl FnMut(Text, TagValue<'_>)) {
            self.0.iter().for_each(|word| put((*word).into(), (*word).into()));
        }
    }

    #[test]
    fn whoever_looks_sees_them() {
        let bench = Bench::new();
        let span = bench.span("a").root().start();
        span.set_late_tags(Pair("late", 1), 0);
        assert_eq!(span.metric("late"), Some(1.0));
        span.set_late_tags(Pair("late", 2), 0);
        span.set_tag("late", 3);
        assert_eq!(span.metric("late"), Some(3.0));
        span.set_late_tags(Words(&["word", "other"]), 0);
        span.set_late_tags(Pair("late", 4), 0);
        span.set_late_tags(Words(&[]), 0);
        span.remove_tag("word");
        span.set_late_tags(Pair("unseen", 5), 0);
        drop(span);
        let chunks = bench.take_chunks();
        let view = chunks[0].spans().next().unwrap();
        assert_eq!(view.metric("late"), Some(4.0));
        assert_eq!(view.metric("unseen"), Some(5.0));
        assert_eq!(view.tag("word"), None);
        assert_eq!(view.tag("other").as_deref(), Some("other"));
    }

    #[test]
    fn a_span_that_has_finished_takes_none() {
        let bench = Bench::new();
        let root = bench.span("root").root().start();
        let child = bench.span("child").child_of(&root).start();
        child.finish();
        child.set_late_tags(Pair("late", 1), 0);
        assert_eq!(child.metric("late"), None);
    }

    #[test]
    fn a_loop_grows_nothing() {
        let mut tags = Tags::default();
        let mut waiting = 0;
        for number in 0..3 * MAX_WAITING {
            tags.put_off(&mut Slots::default(), 0, Pair("a", number as i64), 10);
            waiting = waiting.max(tags.bytes());
        }
        assert!(tags.capacity() <= 2 * MAX_WAITING);
        assert!(waiting >= MAX_WAITING * 10);
        let span = Bench::new().span("a").root().start();
        for number in 0..=MAX_WAITING {
            span.set_late_tags(Pair("a", number as i64), 0);
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
                    span.set_late_tags(Pair(KEYS[usize::from(key)], value), 0);
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
