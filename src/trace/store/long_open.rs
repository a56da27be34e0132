//! Open traces as the worker looks at them: those that last long, and those that never end.
//!
//! Each method takes the lock of the trace for an instant: copies of spans are made a few at a time.

use std::sync::Arc;

use tracehound_machine::Counted;

use super::layout::{Body, Buffers, Chunk, Record, Segment, SpanView};
use super::pool::give_back;
use super::registry;
use crate::clock::Ticks;
use crate::diag::Diag;
use crate::id::{SpanId, TraceId};
use crate::text::Text;
use crate::trace::tags::{Key, StoredValue};

/// The number of the version, on a span that is sent while it is open (Datadog trace payload, "long-running spans").
const PARTIAL_VERSION: &str = "_dd.partial_version";
/// On the final version of a span that was sent before: 1.
const WAS_LONG_RUNNING: &str = "_dd.was_long_running";
/// How many spans are looked at, and copied, under the lock of their trace at a time.
const SLOTS_AT_ONCE: u32 = 64;

/// A trace with open spans.
pub(crate) struct OpenTrace(Counted<Segment>);

/// What a look at an open trace has found. Where nothing happens in the trace, the next look finds the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The first of the spans that are open, and when it started.
    pub(crate) oldest: SpanId,
    pub(crate) start: Ticks,
    /// When the last span that is here started.
    pub(crate) newest: Ticks,
    open: u32,
    pub(crate) finished: u32,
}

impl OpenTrace {
    /// The open traces of the tracer that these diagnostics are of, unless it has ended or is disabled.
    pub(crate) fn all_of(diag: &Arc<Diag>) -> Vec<OpenTrace> {
        let mut all = registry::all();
        all.retain(|segment| {
            let shared = &segment.shared;
            Arc::ptr_eq(&shared.diag, diag) && shared.is_enabled() && !shared.has_ended()
        });
        all.into_iter().map(OpenTrace).collect()
    }

    /// Tells the trace from others.
    pub(crate) fn key(&self) -> (TraceId, SpanId) {
        (self.0.trace_id, self.0.root)
    }

    /// `None` where no span is open.
    pub(crate) fn look(&self) -> Option<Found> {
        let guard = self.0.body()?;
        find(guard.as_ref()?)
    }

    /// The operation and the resource of a span.
    pub(crate) fn describe(&self, id: SpanId) -> Option<String> {
        let guard = self.0.body()?;
        let body = guard.as_ref()?;
        let record = body.record(self.0.root, id)?;
        let view = SpanView { segment: &self.0, record, tags: &body.tags };
        let (name, resource) = (view.name(), view.resource());
        Some(if name == resource { name.into() } else { format!("{name} [{resource}]") })
    }

    /// Whether the trace may be sent in parts.
    pub(crate) fn goes_in_parts(&self) -> bool {
        self.0.shared.partial_flush().is_some()
    }

    /// Whether sampling keeps the trace. That is decided here, if it was not before.
    pub(crate) fn is_kept(&self) -> bool {
        self.0.decide().is_some_and(|decision| decision.priority.is_keep())
    }

    /// Copies of the open spans that are due for a version, as chunks to be sent: `version` says by the start of a span
    /// whether it is, and which one.
    pub(crate) fn versions(
        &self,
        now: Ticks,
        version: impl Fn(Ticks) -> Option<i64>,
    ) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        let mut from = 0;
        while let Some(mut guard) = self.0.body() {
            let Some(body) = guard.as_mut() else { break };
            body.settle_tags();
            let mut copies = Buffers::default();
            let end = body.spans.len() as u64;
            let to = from + SLOTS_AT_ONCE;
            for slot in from..to {
                copy_version(body, slot, self.0.root, now, &version, &mut copies);
            }
            drop(guard);
            if copies.finished > 0 {
                chunks.push(Chunk::new(self.0.clone(), copies));
            }
            if u64::from(to) >= end {
                break;
            }
            from = to;
        }
        chunks
    }

    /// Sends what has finished, if anything has.
    pub(crate) fn flush_finished(&self) {
        Segment::flush_partly(&self.0, |body| body.finished > 0 && !body.has_ended);
    }

    /// Gives up the spans that are open, and sends those that have finished; does nothing where something has happened
    /// since the trace was found so. Returns how many spans were given up.
    pub(crate) fn give_up(&self, found: &Found) -> u64 {
        if found.finished > 0 {
            self.0.decide();
        }
        let Some(mut guard) = self.0.body() else { return 0 };
        let is_same = |body: &Buffers| find(body) == Some(*found) && !body.has_ended;
        let buffers = if guard.as_ref().is_some_and(is_same) { guard.take() } else { None };
        drop(guard);
        let Some(mut buffers) = buffers else { return 0 };
        buffers.settle_tags();
        let mut given_up = 0;
        for record in buffers.spans.iter_mut().filter(|record| record.is_open()) {
            given_up += u64::from(!record.is_counted);
            *record = Record::VACANT;
        }
        buffers.open = 0;
        if buffers.finished > 0 {
            Segment::submit(&self.0, Some(buffers));
        } else {
            give_back(buffers);
        }
        given_up
    }
}

fn find(body: &Body) -> Option<Found> {
    let oldest = body.spans.iter().find(|record| record.is_open())?;
    let newest = body.spans.iter().last()?;
    Some(Found {
        oldest: oldest.id?,
        start: oldest.start,
        newest: newest.start,
        open: body.open,
        finished: body.finished,
    })
}

/// Copies the span in a slot, if it is open and due, and marks it as one that was sent before.
fn copy_version(
    body: &mut Body,
    slot: u32,
    root: SpanId,
    now: Ticks,
    version: impl Fn(Ticks) -> Option<i64>,
    into: &mut Body,
) {
    let Some(record) = body.spans.get(slot).filter(|record| record.is_open()) else { return };
    let Some(version) = version(record.start) else { return };
    let parent = record.parent.and_then(|parent| body.record(root, parent));
    let mut copy = Record {
        duration: now.0.saturating_sub(record.start.0).max(0),
        top_level: record.local_root
            || parent.is_some_and(|parent| parent.service != record.service),
        tags: Record::VACANT.tags,
        baggage: None,
        owns_baggage: false,
        open_ancestor: Record::VACANT.open_ancestor,
        ..record.clone()
    };
    for (key, value) in body.tags.iter(&record.tags).filter(|(key, _)| *key != WAS_LONG_RUNNING) {
        into.tags.put(&mut copy.tags, Key::new(key.clone()), value.copy());
    }
    into.tags.put(&mut copy.tags, Key::new(text(PARTIAL_VERSION)), StoredValue::I64(version));
    into.spans.push(copy);
    into.finished += 1;
    let Body { spans, tags, .. } = body;
    if let Some(record) = spans.get_mut(slot) {
        tags.put(&mut record.tags, Key::new(text(WAS_LONG_RUNNING)), StoredValue::I64(1));
    }
}

fn text(literal: &'static str) -> Text {
    Text::from(literal)
}
