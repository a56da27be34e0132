//! Traces that wait for the rest of their spans.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use opentelemetry::trace::TraceId;
use opentelemetry_sdk::trace::SpanData;
use tracehound::SamplingDecision;

use super::chunk::is_local_root;
use super::size;

/// How long a trace that was sent is remembered: for its late spans, which need not wait for a root.
const REMEMBERED: Duration = Duration::from_secs(10);
/// How many of them; beyond that, all are forgotten.
const MAX_REMEMBERED: usize = 4096;

/// How long spans wait for others of their trace.
#[derive(Clone, Copy, Debug)]
pub(super) struct WaitPolicy {
    /// For those that come after the local root.
    pub(super) late: Duration,
    /// For the local root.
    pub(super) root: Duration,
    /// So many spans of a trace are sent at once: `DD_TRACE_PARTIAL_FLUSH_MIN_SPANS`.
    pub(super) partial_flush: usize,
    /// What waits may hold in memory.
    pub(super) max_bytes: usize,
}

impl Default for WaitPolicy {
    fn default() -> Self {
        WaitPolicy {
            late: Duration::from_millis(500),
            root: Duration::from_secs(10),
            partial_flush: usize::MAX,
            max_bytes: usize::MAX,
        }
    }
}

#[derive(Debug)]
pub(super) struct PendingTraces {
    traces: HashMap<TraceId, Trace>,
    /// What the spans of all of them hold in memory.
    bytes: usize,
    policy: WaitPolicy,
}

/// A trace that waits, or, without spans, one that was sent and is remembered.
#[derive(Debug)]
struct Trace {
    spans: Vec<SpanData>,
    bytes: usize,
    /// When it is to be sent, or forgotten.
    due: Instant,
    /// The local root has ended: only late spans are waited for.
    has_root: bool,
    user_decision: Option<SamplingDecision>,
}

/// What is to be sent of a trace.
#[derive(Debug)]
pub(super) struct TracePart {
    pub(super) spans: Vec<SpanData>,
    pub(super) bytes: usize,
    /// The decision that the user has set in a part that was sent before.
    pub(super) user_decision: Option<SamplingDecision>,
}

impl PendingTraces {
    pub(super) fn new(policy: WaitPolicy) -> Self {
        PendingTraces { traces: HashMap::new(), bytes: 0, policy }
    }

    pub(super) fn add(&mut self, span: SpanData, now: Instant) {
        let WaitPolicy { late, root, .. } = self.policy;
        let after = |wait| now.checked_add(wait).unwrap_or(now);
        let bytes = size::span(&span);
        let trace = self.traces.entry(span.span_context.trace_id()).or_insert_with(|| Trace {
            spans: Vec::new(),
            bytes: 0,
            due: now,
            has_root: false,
            user_decision: None,
        });
        if trace.spans.is_empty() {
            trace.due = after(if trace.has_root { late } else { root });
        }
        if is_local_root(&span) && !trace.has_root {
            trace.has_root = true;
            trace.due = trace.due.min(after(late));
        }
        trace.spans.push(span);
        trace.bytes += bytes;
        self.bytes += bytes;
    }

    /// Takes out the traces that are due, or all; returns when the next one is.
    ///
    /// `send` returns the decision that the user has set in the part, if any.
    pub(super) fn take(
        &mut self,
        now: Instant,
        all: bool,
        mut send: impl FnMut(TracePart) -> Option<SamplingDecision>,
    ) -> Option<Instant> {
        let forget = now.checked_add(REMEMBERED).unwrap_or(now);
        let remembered = self.traces.values().filter(|trace| trace.spans.is_empty()).count();
        // Nothing is lost when there is no room: the oldest are sent early.
        let early = self.oldest_beyond_room();
        let PendingTraces { traces, bytes, policy } = self;
        traces.retain(|_, trace| {
            let is_due = trace.due <= now;
            if trace.spans.is_empty() {
                return !is_due && remembered <= MAX_REMEMBERED;
            }
            let is_early = early.is_some_and(|early| trace.due <= early);
            if all || is_due || is_early || trace.spans.len() >= policy.partial_flush {
                *bytes -= trace.bytes;
                let part = TracePart {
                    spans: std::mem::take(&mut trace.spans),
                    bytes: std::mem::take(&mut trace.bytes),
                    user_decision: trace.user_decision,
                };
                trace.due = forget;
                trace.user_decision = send(part).or(trace.user_decision);
            }
            true
        });
        traces.values().map(|trace| trace.due).min()
    }

    /// Whether spans wait.
    pub(super) fn has_spans(&self) -> bool {
        self.bytes > 0
    }

    /// Where too much waits: the due time up to which about half of it is sent early.
    fn oldest_beyond_room(&self) -> Option<Instant> {
        if self.bytes <= self.policy.max_bytes {
            return None;
        }
        let waiting = self.traces.values().filter(|trace| !trace.spans.is_empty());
        let mut due: Vec<_> = waiting.map(|trace| (trace.due, trace.bytes)).collect();
        due.sort_unstable();
        let mut sum = 0;
        due.into_iter().find_map(|(due, bytes)| {
            sum += bytes;
            (sum >= self.bytes / 2).then_some(due)
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use opentelemetry::trace::{SpanContext, TraceFlags, TraceState};
    use opentelemetry_sdk::testing::trace::new_test_export_span_data;

    /// 0 is no parent.
    pub(in crate::sdk) fn span(trace: u128, id: u64, parent: u64) -> SpanData {
        let (flags, state) = (TraceFlags::SAMPLED, TraceState::NONE);
        let span_context = SpanContext::new(trace.into(), id.into(), flags, false, state);
        let parent_span_id = parent.into();
        SpanData { span_context, parent_span_id, ..new_test_export_span_data() }
    }

    const SECOND: Duration = Duration::from_secs(1);

    fn pending() -> PendingTraces {
        PendingTraces::new(WaitPolicy { late: SECOND, ..WaitPolicy::default() })
    }

    /// How many spans are taken.
    fn taken(pending: &mut PendingTraces, now: Instant) -> usize {
        let mut spans = 0;
        pending.take(now, false, |ready| {
            spans += ready.spans.len();
            None
        });
        spans
    }

    #[test]
    fn a_trace_waits_for_its_root_and_then_for_late_ones() {
        let (mut pending, start) = (pending(), Instant::now());
        pending.add(span(1, 2, 1), start);
        assert_eq!(taken(&mut pending, start + 9 * SECOND), 0);
        pending.add(span(1, 1, 0), start + 2 * SECOND);
        assert_eq!(taken(&mut pending, start + 2 * SECOND), 0);
        assert_eq!(taken(&mut pending, start + 3 * SECOND), 2);
        assert!(!pending.has_spans());

        pending.add(span(1, 3, 1), start + 5 * SECOND);
        assert!(pending.has_spans());
        assert_eq!(taken(&mut pending, start + 6 * SECOND), 1);
        assert_eq!(pending.bytes, 0);
    }

    #[test]
    fn a_root_that_comes_late_does_not_make_its_trace_wait_longer() {
        let (mut pending, start) = (pending(), Instant::now());
        pending.add(span(1, 2, 1), start);
        pending.add(span(1, 1, 0), start + Duration::from_millis(9_900));
        assert_eq!(taken(&mut pending, start + 10 * SECOND), 2);
    }

    #[test]
    fn traces_that_were_sent_are_remembered_for_a_while_and_not_too_many() {
        let (mut pending, start) = (pending(), Instant::now());
        let traces = MAX_REMEMBERED + 10;
        for trace in 1..=traces {
            pending.add(span(trace as u128, 1, 0), start);
        }
        assert_eq!(taken(&mut pending, start + SECOND), traces);
        assert_eq!(pending.traces.len(), traces);
        taken(&mut pending, start + 2 * SECOND);
        assert_eq!(pending.traces.len(), 0);

        pending.add(span(1, 1, 0), start);
        taken(&mut pending, start + SECOND);
        assert_eq!(pending.traces.len(), 1);
        taken(&mut pending, start + SECOND + REMEMBERED);
        assert_eq!(pending.traces.len(), 0);
    }
}
