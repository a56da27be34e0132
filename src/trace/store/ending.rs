//! The end of a tracer: what has finished in traces that are open is handed over, and what is open is counted.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tracehound_machine::Counted;

use super::hand_off;
use super::layout::{Chunk, Record, Segment, Shared, SpanView};
use super::pool::{empty_buffers, give_back};
use super::registry;
use crate::clock::{self, Ticks};
use crate::diag::LossReason;

/// Spans that are named where it is said how many were still open.
const NAMED: usize = 5;

/// Spans that are still open at the end of their tracer.
#[derive(Debug, Default)]
struct Unfinished {
    spans: u64,
    /// The longest open ones, those first.
    oldest: Vec<(Ticks, String)>,
}

impl Shared {
    /// Ends the tracer, and those that share its sink, in this process, once: what finishes from now on is lost, and counted.
    ///
    /// What has finished in traces that are still open goes to the sink, which must still take it. The spans that
    /// are open stay open, and count as lost now.
    pub(crate) fn end(&self) {
        if self.has_ended.swap(true, Ordering::SeqCst) {
            return;
        }
        let mut unfinished = Unfinished::default();
        for segment in registry::all() {
            if segment.shared.ends_with(self) {
                end_trace(&segment, &mut unfinished);
            }
        }
        if self.is_enabled() {
            self.diag.lose(LossReason::Unfinished, unfinished.spans, || unfinished.describe());
        }
    }
}

/// At the end of the process: ends the tracers of all traces that are open in it.
///
/// The thread may be in the midst of anything. Where that is the registry's own lock, nothing is done.
#[cfg(feature = "agent")]
pub(crate) fn end_open_traces() {
    if !registry::is_free() {
        return;
    }
    for segment in registry::all() {
        if segment.shared.is_enabled() {
            segment.shared.end();
        }
    }
}

fn end_trace(segment: &Counted<Segment>, unfinished: &mut Unfinished) {
    let has_finished = || Some(segment.body()?.as_ref()?.finished > 0);
    if has_finished().unwrap_or(false) {
        // What is sent now binds what is sent later, and is decided by the root, which may stay.
        segment.decide();
    }
    let mut other = empty_buffers(&segment.shared);
    let Some(mut guard) = segment.body() else { return };
    // A trace that began after the end counts what finishes there at once.
    let Some(body) = guard.as_mut().filter(|body| !body.has_ended) else {
        drop(guard);
        return give_back(other);
    };
    if body.finished > 0 {
        std::mem::swap(body, &mut other);
        body.take_open(&mut other, segment.root);
    }
    body.settle_tags();
    body.end();
    unfinished.spans += u64::from(body.open);
    for record in body.spans.iter_mut().filter(|record| record.is_open()) {
        record.is_counted = true;
    }
    for record in body.spans.iter().filter(|record| record.is_open()) {
        unfinished.name(record, || SpanView { segment, record, tags: &body.tags });
    }
    drop(guard);
    if other.finished > 0 && segment.shared.is_enabled() {
        hand_off::submit(&segment.shared.sink, Chunk::new(segment.clone(), other));
    } else {
        give_back(other);
    }
}

impl Unfinished {
    fn name<'a>(&mut self, record: &Record, view: impl FnOnce() -> SpanView<'a>) {
        let place = self.oldest.partition_point(|(start, _)| start.0 <= record.start.0);
        if place >= NAMED {
            return;
        }
        let view = view();
        let (name, resource) = (view.name(), view.resource());
        let text = if name == resource { name.into() } else { format!("{name} [{resource}]") };
        self.oldest.insert(place, (record.start, text));
        self.oldest.truncate(NAMED);
    }

    fn describe(&self) -> String {
        let mut text = "they were still open when the tracer was shut down; the oldest:".to_owned();
        let now = clock::now();
        for (number, (start, name)) in self.oldest.iter().enumerate() {
            let open = u64::try_from(now.0.saturating_sub(start.0)).unwrap_or_default();
            let open = Duration::from_nanos(open).as_secs_f64();
            let comma = if number == 0 { "" } else { "," };
            let _ = write!(text, "{comma} {name} (for {open:.1} s)");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::span::ChunkBuilder;
    use crate::trace::testkit::{Bench, upstream};

    #[test]
    fn a_trace_in_a_recycled_segment_is_found_whatever_the_segment_was_used_for_before() {
        let given_up = |bench: &Bench| {
            let root = bench.span("root").root().start();
            bench.span("child").child_of(&root).start().finish();
            drop(root.detach());
        };
        let recorded = |bench: &Bench| {
            let mut chunk = ChunkBuilder::new(&bench.shared, upstream()).unwrap();
            let now = std::time::SystemTime::now();
            let _ = chunk.span(crate::id::SpanId::generate(), now, now);
            chunk.submit();
        };
        for submit in [&given_up as &dyn Fn(&Bench), &recorded] {
            let bench = Bench::new();
            submit(&bench);
            for chunk in bench.take_chunks() {
                give_back(chunk.into_buffers());
            }
            let before = bench.shared.diag.losses().spans(LossReason::Unfinished);
            let _open = bench.span("open").root().start();
            bench.shared.end();
            assert_eq!(bench.shared.diag.losses().spans(LossReason::Unfinished), before + 1);
        }
    }
}
