//! Tags in the types of another API, which are converted only when tags are read.

use std::any::Any;
use std::fmt;

use super::arena::{TagList, Tags};
use super::new_tag::{Key, put_value};
use crate::catch::catch;
use crate::text::Text;
use crate::trace::values::TagValue;

/// Tags as another API has them, one or many, for [`SpanRef::set_deferred_tags`](crate::bridge::SpanExt::set_deferred_tags).
///
/// They are converted when tags are read or the sampling decision is taken, and otherwise in the background, where the
/// conversion costs the application nothing.
pub trait DeferredTags: fmt::Debug + Send + 'static {
    /// Hands over the tags, in the order in which they were set. What is left is dropped.
    ///
    /// Runs on any thread, under the lock of the trace, and so does its `Drop`: both must be quick and wait for
    /// nothing. They find no span of the same trace: reading one gives nothing, and changing one does nothing. Where one
    /// panics, what it has not handed over is left out, counted
    /// ([`Tracer::caught_panics`](crate::Tracer::caught_panics)) and said once.
    fn hand_over(&mut self, put: &mut impl FnMut(Text, TagValue<'_>));
}

/// Finds the tags of the span in a slot.
pub(crate) trait TagLists {
    /// The tags of a span, open or finished.
    fn list(&mut self, slot: u32) -> Option<&mut TagList>;

    /// The tags of an open span.
    fn open_list(&mut self, slot: u32) -> Option<&mut TagList>;
}

/// Calls of one trace whose tags wait at the most. The next call converts them: a loop that sets the same tag again and
/// again must not grow anything.
///
/// Converting so many takes 0.1 to 0.7 ms under the lock of their trace. A larger number makes that longer, and no tag
/// cheaper; one much smaller moves conversions from the worker to the application.
const MAX_WAITING: usize = 4_096;

/// The deferred tags of a trace, in the order in which they were set. All of them have one type. Only code that adds tags
/// knows which; all other code calls them through [`Conversion`].
#[derive(Debug)]
pub(super) struct DeferredList {
    /// A [`Waiting<T>`].
    all: Box<dyn Any + Send>,
    conversion: fn(&mut (dyn Any + Send)) -> Option<&mut dyn Conversion>,
    pub(super) is_empty: bool,
    pub(super) capacity: usize,
    item_bytes: usize,
    /// What the tags hold on the heap, as the bridge says.
    pub(super) heap_bytes: usize,
    /// Panics that are still to be counted, where no lock is held.
    panics: u64,
}

/// What can be done with deferred tags whatever their type is. Each method returns how many of them have panicked.
trait Conversion {
    fn convert(&mut self, lists: &mut dyn TagLists, tags: &mut Tags) -> u64;
    /// Converts the tags of open spans, and leaves the others.
    fn convert_open(&mut self, lists: &mut dyn TagLists, tags: &mut Tags) -> u64;
    fn clear(&mut self) -> u64;
}

#[derive(Debug)]
struct Waiting<T>(Vec<Deferred<T>>);

/// Tags of the span in a slot.
// The tags are the first field, so that they are moved to their place before the slot is.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Deferred<T> {
    pub(crate) tags: T,
    pub(crate) slot: u32,
}

impl<T: DeferredTags> Conversion for Waiting<T> {
    // One loop for each type, which has all of the conversion inlined and moves nothing. One that called each tag through
    // a `dyn` would take twice the time.
    fn convert(&mut self, lists: &mut dyn TagLists, tags: &mut Tags) -> u64 {
        let mut next = 0;
        let panics = again_after_panics(|| {
            for Deferred { tags: deferred, slot } in self.0.get_mut(next..).unwrap_or_default() {
                next += 1;
                if let Some(list) = lists.list(*slot) {
                    let mut target = (&mut *tags, list);
                    deferred
                        .hand_over(&mut |key, value| put_value(&mut target, Key::new(key), value));
                }
            }
        });
        panics + self.clear()
    }

    fn convert_open(&mut self, lists: &mut dyn TagLists, tags: &mut Tags) -> u64 {
        let mut panics = 0;
        let mut stays = |Deferred { tags: deferred, slot }: &mut Deferred<T>| {
            let Some(list) = lists.open_list(*slot) else { return true };
            let mut target = (&mut *tags, list);
            let mut put = |key, value: TagValue<'_>| put_value(&mut target, Key::new(key), value);
            panics += u64::from(catch(|| deferred.hand_over(&mut put)).is_none());
            false
        };
        // `retain_mut` drops what does not stay, which may panic as well. It has removed that one by then.
        let dropped = again_after_panics(|| self.0.retain_mut(&mut stays));
        panics + dropped
    }

    fn clear(&mut self) -> u64 {
        drop_each(&mut self.0)
    }
}

impl<T> Drop for Waiting<T> {
    fn drop(&mut self) {
        drop_each(&mut self.0);
    }
}

/// Drops all items, and returns how many have panicked. One by one: if two that are dropped together panic, the program
/// ends.
fn drop_each<T>(items: &mut Vec<T>) -> u64 {
    again_after_panics(|| while items.pop().is_some() {})
}

/// Calls `work` until it does not panic, and returns how often it did. Each call must go on where the last one panicked.
fn again_after_panics(mut work: impl FnMut()) -> u64 {
    let mut panics = 0;
    while catch(&mut work).is_none() {
        panics += 1;
    }
    panics
}

impl DeferredList {
    fn new<T: DeferredTags>(panics: u64) -> Box<Self> {
        Box::new(DeferredList {
            all: Box::new(Waiting::<T>(Vec::new())),
            conversion: |all| Some(all.downcast_mut::<Waiting<T>>()?),
            is_empty: true,
            capacity: 0,
            item_bytes: size_of::<Deferred<T>>(),
            heap_bytes: 0,
            panics,
        })
    }

    /// What they hold in memory, unused room included.
    pub(super) fn bytes(&self) -> usize {
        self.heap_bytes.saturating_add(self.capacity * self.item_bytes)
    }

    /// The tags that wait, if they are of this type. One more counts from now on; who adds it must not grow the vector.
    #[inline]
    pub(super) fn others<T: DeferredTags>(
        &mut self,
        heap_bytes: usize,
    ) -> Option<&mut Vec<Deferred<T>>> {
        let waiting = self.all.downcast_mut::<Waiting<T>>()?;
        self.is_empty = false;
        self.heap_bytes = self.heap_bytes.wrapping_add(heap_bytes);
        Some(&mut waiting.0)
    }

    /// Whether tags of this type may be added before a conversion: not where tags of another type wait, or too many.
    pub(super) fn takes<T: DeferredTags>(&self) -> bool {
        match self.all.downcast_ref::<Waiting<T>>() {
            Some(waiting) => waiting.0.len() < MAX_WAITING,
            None => self.is_empty,
        }
    }

    /// Adds tags that it [takes](DeferredList::takes).
    pub(super) fn push<T: DeferredTags>(
        this: &mut Option<Box<Self>>,
        deferred: Deferred<T>,
        heap_bytes: usize,
    ) {
        let mut list = match this.take() {
            Some(list) if list.all.is::<Waiting<T>>() => list,
            other => DeferredList::new::<T>(other.map_or(0, |list| list.panics)),
        };
        if let Some(others) = list.others(heap_bytes) {
            others.push(deferred);
            list.capacity = others.capacity();
        }
        *this = Some(list);
    }

    fn run(&mut self, work: impl FnOnce(&mut dyn Conversion) -> u64) {
        self.panics += (self.conversion)(&mut *self.all).map_or(0, work);
        (self.is_empty, self.heap_bytes) = (true, 0);
    }

    /// Converts all of them into tags of these spans.
    pub(super) fn convert(&mut self, lists: &mut dyn TagLists, tags: &mut Tags) {
        self.run(|waiting| waiting.convert(lists, tags));
    }

    /// Converts those of open spans. What all of them held stays counted: too much is better than too little.
    pub(super) fn convert_open(&mut self, lists: &mut dyn TagLists, tags: &mut Tags) {
        let before = (self.is_empty, self.heap_bytes);
        self.run(|waiting| waiting.convert_open(lists, tags));
        (self.is_empty, self.heap_bytes) = before;
    }

    /// Drops all of them.
    pub(super) fn clear(&mut self) {
        self.run(|waiting| waiting.clear());
    }

    pub(super) fn take_panics(&mut self) -> u64 {
        std::mem::take(&mut self.panics)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::trace::SpanExt as _;
    use crate::trace::store::{Chunk, Slots};
    use crate::trace::testkit::Bench;
    use crate::trace::{SpanEvent, SpanKind};
    use proptest::prelude::*;

    #[derive(Debug)]
    struct Pair(&'static str, i64);

    impl DeferredTags for Pair {
        fn hand_over(&mut self, put: &mut impl FnMut(Text, TagValue<'_>)) {
            put(self.0.into(), self.1.into());
        }
    }

    /// Tags of another type, each a word whose value is the word itself.
    #[derive(Debug)]
    struct Words(&'static [&'static str]);

    impl DeferredTags for Words {
        fn hand_over(&mut self, put: &mut impl FnMut(Text, TagValue<'_>)) {
            self.0.iter().for_each(|word| put((*word).into(), (*word).into()));
        }
    }

    #[test]
    fn they_are_read_like_other_tags_in_the_order_of_all() {
        let bench = Bench::new();
        let span = bench.span("a").root().start();
        span.set_deferred_tags(Pair("k", 1), 0);
        assert_eq!(span.metric("k"), Some(1.0));
        span.set_deferred_tags(Pair("k", 2), 0);
        span.set_tag("k", 3);
        assert_eq!(span.metric("k"), Some(3.0));
        span.set_deferred_tags(Words(&["gone", "other"]), 0);
        span.set_deferred_tags(Pair("k", 4), 0);
        span.set_deferred_tags(Words(&[]), 0);
        span.remove_tag("gone");
        span.set_deferred_tags(Pair("unread", 5), 0);
        drop(span);
        let chunks = bench.take_chunks();
        let view = chunks[0].spans().next().unwrap();
        assert_eq!((view.metric("k"), view.metric("unread")), (Some(4.0), Some(5.0)));
        assert_eq!((view.tag("gone"), view.tag("other").as_deref()), (None, Some("other")));
    }

    /// Counts how often it is converted.
    #[derive(Debug)]
    struct Seen(Arc<AtomicUsize>);

    impl DeferredTags for Seen {
        fn hand_over(&mut self, put: &mut impl FnMut(Text, TagValue<'_>)) {
            self.0.fetch_add(1, Ordering::Relaxed);
            put("k".into(), 1.into());
        }
    }

    #[test]
    fn what_concerns_no_deferred_tag_converts_none() {
        let bench = Bench::new();
        let root = bench.span("a").root().start();
        let seen = Arc::<AtomicUsize>::default();
        root.set_deferred_tags(Seen(Arc::clone(&seen)), 0);
        let span = bench.span("b").child_of(&root).start();
        span.set_name("name");
        span.set_resource("resource");
        span.set_service("service");
        span.set_type("web");
        span.set_kind(SpanKind::Server);
        span.set_tag("http.status_code", 200);
        span.set_tag("error", true);
        span.set_tag("error.message", "why");
        span.set_error(&std::io::Error::other("why"));
        span.remove_tag("error.type");
        span.add_event(SpanEvent::new("event"));
        span.update_bridge_flags(0, 1);
        assert_eq!(
            (span.tag("error.message").as_deref(), span.tag("error.type")),
            (Some("why"), None)
        );
        assert_eq!(span.tag("http.status_code").as_deref(), Some("200"));
        assert_eq!((span.is_error(), span.event_count(), span.link_count()), (true, 1, 0));
        assert!(span.service().as_deref() == Some("service") && span.parent().is_some());
        assert_eq!(seen.load(Ordering::Relaxed), 0);
        span.set_tag("version", "2");
        assert_eq!(seen.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_span_that_has_finished_takes_none() {
        let bench = Bench::new();
        let root = bench.span("root").root().start();
        let child = bench.span("child").child_of(&root).start();
        child.finish();
        child.set_deferred_tags(Pair("k", 1), 0);
        assert_eq!(child.metric("k"), None);
    }

    #[test]
    fn a_loop_grows_nothing() {
        let (mut tags, mut spans) = (Tags::default(), Slots::default());
        let mut waiting = 0;
        for number in 0..3 * MAX_WAITING {
            tags.defer(&mut spans, 0, Pair("a", number as i64), 10);
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
            let bench = Bench::with(|shared| shared.set_partial_flush(Some(least)));
            let root = bench.span("root").root().start();
            let mut open = Vec::new();
            let mut model: Vec<(u64, [Option<i64>; 4])> = Vec::new();
            for (number, (at, key, is_deferred)) in steps.into_iter().enumerate() {
                let Some((span, place)) = open.get(at) else {
                    let span = bench.span("child").child_of(&root).start();
                    model.push((span.span_id().unwrap().get(), [None; 4]));
                    open.push((span, model.len() - 1));
                    continue;
                };
                if at == 5 {
                    drop(open.remove(0));
                    continue;
                }
                let (name, number) = (KEYS[usize::from(key)], number as i64);
                model[*place].1[usize::from(key)] = Some(number);
                if is_deferred {
                    span.set_deferred_tags(Pair(name, number), 0);
                } else {
                    span.set_tag(name, number);
                }
            }
            drop(open);
            drop(root);
            let mut found = 0;
            for span in bench.take_chunks().iter().flat_map(Chunk::spans) {
                let id = span.span_id().unwrap().get();
                let Some((_, expected)) = model.iter().find(|(other, _)| *other == id) else {
                    continue;
                };
                found += 1;
                let numbers = KEYS.map(|key| span.metric(key).map(|number| number as i64));
                prop_assert_eq!(numbers, *expected);
            }
            prop_assert_eq!(found, model.len());
        }
    }
}
