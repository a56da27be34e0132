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
    let fresh = empty_buffers(&segment.shared);
    let Some(mut guard) = segment.body() else { return };
    // A trace that began after the end counts what finishes there at once.
    let Some(body) = guard.as_mut().filter(|body| !body.has_ended) else {
        drop(guard);
        return give_back(fresh);
    };
    let mut finished = None;
    let mut unused = None;
    if body.finished > 0 {
        let mut old = std::mem::replace(body, fresh);
        body.take_open(&mut old, segment.root);
        finished = Some(old);
    } else {
        unused = Some(fresh);
    }
    body.settle_tags();
    body.end();
    for record in body.spans.iter_mut().filter(|record| record.is_open()) {
        record.is_counted = true;
        unfinished.spans = unfinished.spans.saturating_add(1);
    }
    for record in body.spans.iter().filter(|record| record.is_open()) {
        unfinished.name(record, || SpanView { segment, record, tags: &body.tags });
    }
    drop(guard);
    if let Some(unused) = unused {
        give_back(unused);
    }
    if let Some(finished) = finished.filter(|_| segment.shared.is_enabled()) {
        hand_off::submit(&*segment.shared.sink, Chunk::new(segment.clone(), finished));
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
