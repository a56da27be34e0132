//! Tags in another API's own terms, which become tags when somebody looks.

use std::any::Any;
use std::fmt;
use std::mem::needs_drop;

use super::arena::{TagList, Tags};
use super::new_tag::{Key, put_value};
use crate::catch::catch;
use crate::text::Text;
use crate::trace::values::TagValue;

/// Tags as another API has them, one or many, for [`SpanRef::set_deferred_tags`](crate::bridge::SpanExt::set_deferred_tags).
///
/// They become tags of the core when these are needed: when tags are read, when the sampling decision is
/// taken, and otherwise in the background, where the conversion costs the application nothing.
pub trait DeferredTags: fmt::Debug + Send + 'static {
    /// Hands over the tags, in the order in which they were set. What is left is dropped.
    ///
    /// Runs on any thread, under the lock of the trace, and so does its `Drop`: both must be quick and wait for
    /// nothing. A span of the same trace is to them as one that does not exist. Where one panics, what it has not
    /// handed over is left out, counted ([`Tracer::caught_panics`](crate::Tracer::caught_panics)) and said once.
    fn hand_over(&mut self, put: &mut impl FnMut(Text, TagValue<'_>));
}

/// Finds the tags of the span in a slot.
pub(crate) trait TagLists {
    /// Those of a span, open or finished.
    fn list(&mut self, slot: u32) -> Option<&mut TagList>;

    /// Those of a span that is open.
    fn open_list(&mut self, slot: u32) -> Option<&mut TagList>;
}

/// Deferred tags of one trace that wait at the most, each call counted as one. Beyond it they are converted: a
/// loop that sets the same tag again and again must not grow anything.
///
/// So many are converted at once under the lock of their trace, in 0.1 to 0.7 ms. A larger number makes that longer, and
/// no tag cheaper; one much smaller takes conversions from the worker to the application.
const MAX_WAITING: usize = 4_096;

/// The late tags of a trace, in the order in which they were set; all of one type, which only those know who add
/// some.
#[derive(Debug)]
pub(super) struct DeferredList {
    all: Box<dyn Any + Send>,
    items: fn(&(dyn Any + Send)) -> Option<&dyn Items>,
    items_mut: fn(&mut (dyn Any + Send)) -> Option<&mut dyn Items>,
    /// Whether there are any, known without asking.
    any: bool,
    heap_bytes: usize,
    /// How often one has panicked, which is to be said where there is no lock.
    panics: u64,
}

trait Items {
    fn capacity(&self) -> usize;
    fn item_bytes(&self) -> usize;
    /// Converts all of them. This and the others say how often one has panicked.
    fn convert(&mut self, lists: &mut dyn TagLists, tags: &mut Tags) -> u64;
    /// Converts those of spans that are open here, and keeps the others.
    fn convert_open(&mut self, lists: &mut dyn TagLists, tags: &mut Tags) -> u64;
    fn clear(&mut self) -> u64;
}

#[derive(Debug)]
struct Of<T> {
    items: Vec<Deferred<T>>,
}

/// Tags of the span in a slot. They come first, so that they are moved to their place before anything else is.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Deferred<T> {
    pub(crate) tags: T,
    pub(crate) slot: u32,
}

impl<T: DeferredTags> Items for Of<T> {
    fn capacity(&self) -> usize {
        self.items.capacity()
    }

    fn item_bytes(&self) -> usize {
        size_of::<Deferred<T>>()
    }

    // One loop for each API, with all of the way into the tags in it, and nothing moved: through a `dyn` for each
    // tag it takes twice the time.
    fn convert(&mut self, lists: &mut dyn TagLists, tags: &mut Tags) -> u64 {
        let mut next = 0usize;
        let rest = again_after_panics(|| {
            for Deferred { tags: late, slot } in self.items.get_mut(next..).into_iter().flatten() {
                next = next.saturating_add(1);
                if let Some(list) = lists.list(*slot) {
                    late.hand_over(&mut |key, value| {
                        put_value(&mut tags.of(list), Key::new(key), value)
                    });
                }
            }
        });
        rest.saturating_add(self.clear())
    }

    fn convert_open(&mut self, lists: &mut dyn TagLists, tags: &mut Tags) -> u64 {
        let mut panics = 0u64;
        let mut convert = |Deferred { tags: late, slot }: &mut Deferred<T>| {
            let open = lists.open_list(*slot);
            let is_kept = open.is_none();
            if let Some(list) = open {
                let mut put =
                    |key, value: TagValue<'_>| put_value(&mut tags.of(list), Key::new(key), value);
                if catch(|| late.hand_over(&mut put)).is_none() {
                    panics = panics.saturating_add(1);
                }
            }
            is_kept
        };
        // What is dropped in there may panic, too; it is out of the way then.
        let dropped = again_after_panics(|| self.items.retain_mut(&mut convert));
        panics.saturating_add(dropped)
    }

    fn clear(&mut self) -> u64 {
        if !needs_drop::<T>() {
            self.items.clear();
            return 0;
        }
        // One by one: if two of those that are dropped together panic, the program ends.
        again_after_panics(|| while self.items.pop().is_some() {})
    }
}

impl<T> Drop for Of<T> {
    fn drop(&mut self) {
        again_after_panics(|| while self.items.pop().is_some() {});
    }
}

/// Runs `work`, again where it panicked: it has got further then. Says how often that was.
fn again_after_panics(mut work: impl FnMut()) -> u64 {
    let mut panics = 0u64;
    while catch(&mut work).is_none() {
        panics = panics.saturating_add(1);
    }
    panics
}

impl DeferredList {
    fn of<T: DeferredTags>() -> Self {
        DeferredList {
            all: Box::new(Of::<T> { items: Vec::new() }),
            items: |all| all.downcast_ref::<Of<T>>().map(|of| of as &dyn Items),
            items_mut: |all| all.downcast_mut::<Of<T>>().map(|of| of as &mut dyn Items),
            any: false,
            heap_bytes: 0,
            panics: 0,
        }
    }

    fn count(&mut self, panics: u64) {
        self.panics = self.panics.saturating_add(panics);
    }

    pub(super) fn take_panics(&mut self) -> u64 {
        std::mem::take(&mut self.panics)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        !self.any
    }

    #[inline]
    pub(crate) fn heap_bytes(&self) -> usize {
        self.heap_bytes
    }

    pub(crate) fn capacity(&self) -> usize {
        (self.items)(&*self.all).map_or(0, |items| items.capacity())
    }

    /// What they hold in memory, unused room included.
    pub(crate) fn bytes(&self) -> usize {
        let room = |items: &dyn Items| items.capacity().saturating_mul(items.item_bytes());
        (self.items)(&*self.all).map_or(0, room).saturating_add(self.heap_bytes)
    }

    /// Where the others are, if they are of this type. One more counts from now on.
    #[inline]
    pub(crate) fn others<T: DeferredTags>(
        &mut self,
        heap_bytes: usize,
    ) -> Option<&mut Vec<Deferred<T>>> {
        let of = self.all.downcast_mut::<Of<T>>()?;
        self.any = true;
        self.heap_bytes = self.heap_bytes.wrapping_add(heap_bytes);
        Some(&mut of.items)
    }

    /// Whether one more may be added before a conversion: not where others' wait, or too many.
    pub(crate) fn takes<T: DeferredTags>(&self) -> bool {
        match self.all.downcast_ref::<Of<T>>() {
            Some(of) => of.items.len() < MAX_WAITING,
            None => self.is_empty(),
        }
    }

    /// Where to put one more that is taken.
    pub(crate) fn room<T: DeferredTags>(
        this: &mut Option<Box<Self>>,
        heap_bytes: usize,
    ) -> Option<&mut Vec<Deferred<T>>> {
        let fits = |waiting: &Self| waiting.all.is::<Of<T>>();
        if !this.as_deref().is_some_and(fits) {
            let panics = this.as_mut().map_or(0, |others| others.take_panics());
            *this = Some(Box::new(DeferredList { panics, ..DeferredList::of::<T>() }));
        }
        this.as_mut()?.others(heap_bytes)
    }

    fn items_mut(&mut self) -> Option<&mut dyn Items> {
        (self.items_mut)(&mut *self.all)
    }

    /// Converts all of them into tags of these spans.
    pub(crate) fn convert(&mut self, lists: &mut dyn TagLists, tags: &mut Tags) {
        let panics = self.items_mut().map_or(0, |items| items.convert(lists, tags));
        self.count(panics);
        (self.any, self.heap_bytes) = (false, 0);
    }

    /// Converts those of spans that are open here. What the others hold is counted as before: too much rather
    /// than too little.
    pub(super) fn convert_open(&mut self, lists: &mut dyn TagLists, tags: &mut Tags) {
        let panics = self.items_mut().map_or(0, |items| items.convert_open(lists, tags));
        self.count(panics);
    }

    /// Drops what was never converted.
    pub(crate) fn clear(&mut self) {
        let panics = self.items_mut().map_or(0, |items| items.clear());
        self.count(panics);
        (self.any, self.heap_bytes) = (false, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::SpanExt as _;
    use crate::trace::testkit::Bench;
    use proptest::prelude::*;

    #[derive(Debug)]
    struct Pair(&'static str, i64);

    impl DeferredTags for Pair {
        fn hand_over(&mut self, put: &mut impl FnMut(Text, TagValue<'_>)) {
            put(self.0.into(), self.1.into());
        }
    }

    struct NoLists;

    impl TagLists for NoLists {
        fn list(&mut self, _: u32) -> Option<&mut TagList> {
            None
        }

        fn open_list(&mut self, _: u32) -> Option<&mut TagList> {
            None
        }
    }

    /// Another API's.
    #[derive(Debug)]
    struct Words(&'static [&'static str]);

    impl DeferredTags for Words {
        fn hand_over(&mut self, put: &mut impl FnMut(Text, TagValue<'_>)) {
            self.0.iter().for_each(|word| put((*word).into(), (*word).into()));
        }
    }

    #[test]
    fn whoever_looks_sees_them() {
        let bench = Bench::new();
        let span = bench.span("a").root().start();
        span.set_deferred_tags(Pair("late", 1), 0);
        assert_eq!(span.metric("late"), Some(1.0));
        span.set_deferred_tags(Pair("late", 2), 0);
        span.set_tag("late", 3);
        assert_eq!(span.metric("late"), Some(3.0));
        span.set_deferred_tags(Words(&["word", "other"]), 0);
        span.set_deferred_tags(Pair("late", 4), 0);
        span.set_deferred_tags(Words(&[]), 0);
        span.remove_tag("word");
        span.set_deferred_tags(Pair("unseen", 5), 0);
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
        child.set_deferred_tags(Pair("late", 1), 0);
        assert_eq!(child.metric("late"), None);
    }

    #[test]
    fn a_loop_grows_nothing() {
        let mut tags = Tags::default();
        let mut waiting = 0;
        for number in 0..3 * MAX_WAITING {
            tags.put_off(&mut NoLists, 0, Pair("a", number as i64), 10);
            waiting = waiting.max(tags.bytes());
        }
        assert!(tags.capacity() <= 2 * MAX_WAITING);
        assert!(waiting >= MAX_WAITING * 10);
        let span = Bench::new().span("a").root().start();
        for number in 0..=MAX_WAITING {
            span.set_deferred_tags(Pair("a", number as i64), 0);
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
                    span.set_deferred_tags(Pair(KEYS[usize::from(key)], value), 0);
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
