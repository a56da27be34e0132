//! Traces that wait for the rest of their spans.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use opentelemetry::trace::TraceId;
use opentelemetry_sdk::trace::SpanData;
use tracehound::Decision;

use super::chunk::is_local_root;
use super::size;

/// How long a trace that was sent is remembered: for its late spans, which need not wait for a root.
const REMEMBERED: Duration = Duration::from_secs(10);
/// How many of them; beyond that, all are forgotten.
const MAX_REMEMBERED: usize = 4096;

/// How long spans wait for others of their trace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For those that come after the local root.
    pub(super) for_late: Duration,
    /// For the local root.
    pub(super) for_root: Duration,
    /// So many spans of a trace do not wait at all: `DD_TRACE_PARTIAL_FLUSH_MIN_SPANS`.
    pub(super) partial: Option<usize>,
    /// What waits may hold in memory.
    pub(super) max_bytes: usize,
}

/// Traces that wait for the rest of their spans.
#[derive(Debug)]
pub(super) struct Waiting {
    traces: HashMap<TraceId, Trace>,
    /// Traces without spans that wait.
    remembered: usize,
    bytes: usize,
    patience: Patience,
}

#[derive(Debug)]
struct Trace {
    spans: Vec<SpanData>,
    bytes: usize,
    /// When it must be sent; when it is forgotten, where no spans wait.
    due: Instant,
    root_is_sent: bool,
    has_root: bool,
    by_hand: Option<Decision>,
}

/// What is to be sent of a trace.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) spans: Vec<SpanData>,
    pub(super) bytes: usize,
    /// The user's own word, from a part that was sent before.
    pub(super) by_hand: Option<Decision>,
}

impl Waiting {
    pub(super) fn new(patience: Patience) -> Self {
        Waiting { traces: HashMap::new(), remembered: 0, bytes: 0, patience }
    }

    pub(super) fn add(&mut self, span: SpanData, now: Instant) {
        let Patience { for_late, for_root, .. } = self.patience;
        let after = |wait| now.checked_add(wait).unwrap_or(now);
        let bytes = size::span(&span);
        let trace = self.traces.entry(span.span_context.trace_id());
        let trace = trace.or_insert_with(|| {
            self.remembered = self.remembered.saturating_add(1);
            Trace {
                spans: Vec::new(),
                bytes: 0,
                due: now,
                root_is_sent: false,
                has_root: false,
                by_hand: None,
            }
        });
        if trace.spans.is_empty() {
            self.remembered = self.remembered.saturating_sub(1);
            trace.due = after(if trace.root_is_sent { for_late } else { for_root });
        }
        if is_local_root(&span) && !trace.has_root {
            trace.has_root = true;
            trace.due = trace.due.min(after(for_late));
        }
        trace.spans.push(span);
        trace.bytes = trace.bytes.saturating_add(bytes);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Takes out what is due; everything, where `all` is asked for. Gives the next moment to look again.
    pub(super) fn take(
        &mut self,
        now: Instant,
        all: bool,
        mut send: impl FnMut(Ready) -> Option<Decision>,
    ) -> Option<Instant> {
        let forget = now.checked_add(REMEMBERED).unwrap_or(now);
        let partial = self.patience.partial.unwrap_or(usize::MAX);
        let too_many = self.remembered > MAX_REMEMBERED;
        let mut next: Option<Instant> = None;
        // Nothing is lost when there is no room: the oldest are sent early.
        let early = self.oldest_beyond_room();
        let Waiting { traces, remembered, bytes, .. } = self;
        traces.retain(|_, trace| {
            let is_due = all || trace.due <= now || early.is_some_and(|early| trace.due <= early);
            if trace.spans.is_empty() {
                if trace.due <= now || too_many {
                    *remembered = remembered.saturating_sub(1);
                    return false;
                }
            } else if is_due || trace.spans.len() >= partial {
                *bytes = bytes.saturating_sub(trace.bytes);
                *remembered = remembered.saturating_add(1);
                let ready = Ready {
                    spans: std::mem::take(&mut trace.spans),
                    bytes: std::mem::take(&mut trace.bytes),
                    by_hand: trace.by_hand,
                };
                trace.root_is_sent |= std::mem::take(&mut trace.has_root);
                trace.due = forget;
                trace.by_hand = send(ready).or(trace.by_hand);
            }
            next = Some(next.map_or(trace.due, |next| next.min(trace.due)));
            true
        });
        next
    }

    /// Whether spans wait.
    pub(super) fn has_spans(&self) -> bool {
        self.traces.len() > self.remembered
    }

    /// Where too much waits: what is due until then is about half of it.
    fn oldest_beyond_room(&self) -> Option<Instant> {
        if self.bytes <= self.patience.max_bytes {
            return None;
        }
        let mut due: Vec<_> = self
            .traces
            .values()
            .filter(|trace| !trace.spans.is_empty())
            .map(|trace| (trace.due, trace.bytes))
            .collect();
        due.sort_unstable();
        let half = self.bytes / 2;
        let mut sum = 0usize;
        due.into_iter().find_map(|(due, bytes)| {
            sum = sum.saturating_add(bytes);
            (sum >= half).then_some(due)
        })
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers")]
pub(super) mod tests {
    use super::*;
    use opentelemetry::InstrumentationScope;
    use opentelemetry::trace::{SpanContext, SpanKind, Status, TraceFlags, TraceState};
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};
    use std::time::SystemTime;

    /// 0 is no parent.
    pub(in crate::exporter) fn span(trace: u128, id: u64, parent: u64) -> SpanData {
        let (flags, state) = (TraceFlags::SAMPLED, TraceState::NONE);
        SpanData {
            span_context: SpanContext::new(trace.into(), id.into(), flags, false, state),
            parent_span_id: parent.into(),
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: "span".into(),
            start_time: SystemTime::UNIX_EPOCH,
            end_time: SystemTime::UNIX_EPOCH,
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::default(),
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    fn waiting() -> Waiting {
        Waiting::new(Patience {
            for_late: SECOND,
            for_root: 10 * SECOND,
            partial: None,
            max_bytes: usize::MAX,
        })
    }

    /// How many spans are taken.
    fn taken(waiting: &mut Waiting, now: Instant) -> usize {
        let mut spans = 0;
        waiting.take(now, false, |ready| {
            spans += ready.spans.len();
            None
        });
        spans
    }

    #[test]
    fn a_trace_waits_for_its_root_and_then_for_late_ones() {
        let (mut waiting, start) = (waiting(), Instant::now());
        waiting.add(span(1, 2, 1), start);
        assert_eq!(taken(&mut waiting, start + 9 * SECOND), 0);
        waiting.add(span(1, 1, 0), start + 2 * SECOND);
        assert_eq!(taken(&mut waiting, start + 2 * SECOND), 0);
        assert_eq!(taken(&mut waiting, start + 3 * SECOND), 2);
        assert!(!waiting.has_spans());

        waiting.add(span(1, 3, 1), start + 5 * SECOND);
        assert!(waiting.has_spans());
        assert_eq!(taken(&mut waiting, start + 6 * SECOND), 1);
        assert_eq!(waiting.bytes, 0);
    }

    #[test]
    fn a_root_that_comes_late_does_not_make_its_trace_wait_longer() {
        let (mut waiting, start) = (waiting(), Instant::now());
        waiting.add(span(1, 2, 1), start);
        waiting.add(span(1, 1, 0), start + Duration::from_millis(9_900));
        assert_eq!(taken(&mut waiting, start + 10 * SECOND), 2);
    }

    #[test]
    fn traces_that_were_sent_are_remembered_for_a_while_and_not_too_many() {
        let (mut waiting, start) = (waiting(), Instant::now());
        let traces = MAX_REMEMBERED + 10;
        for trace in 1..=traces {
            waiting.add(span(trace as u128, 1, 0), start);
        }
        assert_eq!(taken(&mut waiting, start + SECOND), traces);
        assert_eq!(waiting.remembered, traces);
        taken(&mut waiting, start + 2 * SECOND);
        assert_eq!((waiting.remembered, waiting.traces.len()), (0, 0));

        waiting.add(span(1, 1, 0), start);
        taken(&mut waiting, start + SECOND);
        assert_eq!(waiting.remembered, 1);
        taken(&mut waiting, start + SECOND + REMEMBERED);
        assert_eq!(waiting.traces.len(), 0);
    }
}
