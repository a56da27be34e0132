//! The store.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::entry::Entry;
use super::{Counts, Limits, Report};
use crate::check;
use crate::decode::Payload;
use crate::model::{Chunk, Finding, Findings, Span, Trace};

/// Traces joined from the chunks that arrived, and what was wrong with them.
#[derive(Debug)]
pub struct Store {
    limits: Limits,
    entries: HashMap<u128, Entry>,
    /// The order of the last updates, for eviction and for reports.
    by_update: BTreeMap<u64, u128>,
    /// Ticks with every update; also orders traces by arrival.
    clock: u64,
    spans: usize,
    bytes: usize,
    findings: VecDeque<Finding>,
    /// How many at the end of `findings` were not reported yet.
    unreported: usize,
    counts: Counts,
    closed: bool,
}

impl Default for Store {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Store {
    /// An empty store.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            entries: HashMap::new(),
            by_update: BTreeMap::new(),
            clock: 0,
            spans: 0,
            bytes: 0,
            findings: VecDeque::new(),
            unreported: 0,
            counts: Counts::default(),
            closed: false,
        }
    }

    // ===== reading =====

    /// The traces, in the order their first chunks arrived.
    pub fn traces(&self) -> impl Iterator<Item = &Trace> {
        let mut entries: Vec<_> = self.entries.values().collect();
        entries.sort_by_key(|entry| entry.arrived);
        entries.into_iter().map(|entry| &entry.trace)
    }

    /// The trace of this id.
    pub fn trace(&self, id: u128) -> Option<&Trace> {
        self.entries.get(&id).map(|entry| &entry.trace)
    }

    /// How many traces are kept.
    pub fn trace_count(&self) -> usize {
        self.entries.len()
    }

    /// How many spans are kept.
    pub fn span_count(&self) -> usize {
        self.spans
    }

    /// The findings, oldest first.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter()
    }

    /// Totals since the start.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    // ===== filling =====

    /// Takes what a request brought, with its `headers`.
    pub fn add(&mut self, headers: &check::Headers, payload: Payload, now: Instant) {
        let mut findings = Findings::default();
        check::request(headers, payload.chunks.len(), &mut findings);
        for finding in payload.findings {
            findings.push(finding);
        }
        for chunk in payload.chunks {
            check::chunk(&chunk, &mut findings);
            self.counts.chunk(&chunk);
            self.add_chunk(chunk, now, &mut findings);
        }
        for finding in findings.into_vec() {
            self.find(finding);
        }
    }

    /// Adds a finding; the oldest goes when there are too many.
    pub fn find(&mut self, finding: Finding) {
        self.counts.findings += 1;
        self.findings.push_back(finding);
        self.unreported += 1;
        if self.findings.len() > self.limits.findings {
            self.findings.pop_front();
            self.unreported = self.unreported.min(self.findings.len());
        }
    }

    pub(crate) fn counts_mut(&mut self) -> &mut Counts {
        &mut self.counts
    }

    /// No more will arrive: what is pending is due at once.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    /// Usually one trace; a chunk that mixes several was reported and is taken apart.
    fn add_chunk(&mut self, chunk: Chunk, now: Instant, findings: &mut Findings) {
        let mut by_trace: BTreeMap<u128, Vec<Span>> = BTreeMap::new();
        for span in chunk.spans {
            by_trace.entry(span.trace_id).or_default().push(span);
        }
        for (id, spans) in by_trace {
            self.add_spans(id, spans, now, findings);
            self.evict(id);
        }
    }

    fn add_spans(&mut self, id: u128, spans: Vec<Span>, now: Instant, findings: &mut Findings) {
        self.clock += 1;
        let clock = self.clock;
        let entry = self.entries.entry(id).or_insert_with(|| Entry::new(id, clock, now));
        self.by_update.remove(&entry.touch(clock, now));
        self.by_update.insert(clock, id);

        let before = (entry.spans, entry.bytes, entry.trace.dropped_spans);
        entry.add(spans, &self.limits, findings);
        self.spans = self.spans - before.0 + entry.spans;
        self.bytes = self.bytes - before.1 + entry.bytes;
        self.counts.dropped_spans += entry.trace.dropped_spans - before.2;
    }

    /// Makes room, never at the cost of the trace just updated: its own size is limited.
    fn evict(&mut self, keep: u128) {
        while self.entries.len() > self.limits.traces
            || self.spans > self.limits.spans
            || self.bytes > self.limits.bytes
        {
            let oldest = self.by_update.iter().next().map(|(clock, id)| (*clock, *id));
            let Some((clock, id)) = oldest.filter(|(_, id)| *id != keep) else { return };
            self.by_update.remove(&clock);
            let Some(entry) = self.entries.remove(&id) else { return };
            self.spans -= entry.spans;
            self.bytes -= entry.bytes;
            self.counts.evicted_traces += 1;
            self.counts.evicted_unseen += usize::from(entry.pending);
        }
    }

    // ===== reporting =====

    /// What to show next: findings at once, a trace when nothing of it came for `quiet`; `None` when nothing will come
    /// any more. As an error, how long to wait at most for something to arrive, until a trace is due.
    pub(crate) fn next(
        &mut self,
        quiet: Duration,
        now: Instant,
    ) -> Result<Option<Report>, Option<Duration>> {
        if let Some(finding) = self.findings.get(self.findings.len() - self.unreported) {
            self.unreported -= 1;
            return Ok(Some(Report::Finding(finding.clone())));
        }
        // The first pending one was updated before the other pending ones, so it is due before them.
        let entries = &self.entries;
        let pending = |id: &&u128| entries.get(*id).is_some_and(|entry| entry.pending);
        let first = self.by_update.values().find(pending).copied();
        let Some(entry) = first.and_then(|id| self.entries.get_mut(&id)) else {
            return if self.closed { Ok(None) } else { Err(None) };
        };
        let left = quiet.saturating_sub(now.saturating_duration_since(entry.updated_at));
        if !left.is_zero() && !self.closed {
            return Err(Some(left));
        }
        entry.pending = false;
        let again = std::mem::replace(&mut entry.reported, true);
        let trace = entry.trace.clone();
        for finding in check::trace(&trace) {
            self.find(finding);
        }
        Ok(Some(Report::Trace { trace, again }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Rule, valid_span as span};

    const QUIET: Duration = Duration::from_millis(500);

    fn add(store: &mut Store, spans: &[Span], now: Instant) {
        let payload = Payload { chunks: vec![Chunk { spans: spans.to_vec() }], findings: vec![] };
        let headers = check::Headers {
            content_type: Some("application/msgpack".into()),
            trace_count: Some("1".into()),
            tracer_version: Some("1".into()),
        };
        store.add(&headers, payload, now);
    }

    #[test]
    fn chunks_of_one_trace_are_joined_whoever_sent_them() {
        let (mut store, now) = (Store::default(), Instant::now());
        add(&mut store, &[span(1, 3, 2)], now);
        add(&mut store, &[span(2, 9, 0)], now);
        add(&mut store, &[span(1, 1, 0), span(1, 2, 1)], now);
        let depths: Vec<_> = store
            .trace(1)
            .unwrap()
            .tree()
            .nodes
            .iter()
            .map(|n| (n.span.span_id, n.depth))
            .collect();
        assert_eq!(depths, [(1, 0), (2, 1), (3, 2)]);
        assert_eq!((store.trace_count(), store.span_count()), (2, 4));
        assert_eq!(store.traces().map(|trace| trace.id).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(store.findings().count(), 0);
    }

    #[test]
    fn a_trace_is_reported_when_quiet_and_again_when_more_came() {
        let (mut store, start) = (Store::default(), Instant::now());
        assert!(matches!(store.next(QUIET, start), Err(None)));
        add(&mut store, &[span(1, 1, 0)], start);
        let half = start + QUIET / 2;
        assert!(matches!(store.next(QUIET, half), Err(Some(left)) if left == QUIET / 2));
        add(&mut store, &[span(1, 2, 1)], half);
        assert!(store.next(QUIET, start + QUIET).is_err(), "the later chunk restarts it");

        let Ok(Some(Report::Trace { trace, again })) = store.next(QUIET, half + QUIET) else {
            panic!("a trace is due")
        };
        assert_eq!((trace.span_count(), again), (2, false));
        assert!(matches!(store.next(QUIET, half + QUIET), Err(None)), "only once");

        let late = half + QUIET * 4;
        add(&mut store, &[span(1, 3, 1)], late);
        let Ok(Some(Report::Trace { trace, again })) = store.next(QUIET, late + QUIET) else {
            panic!("a trace is due")
        };
        assert_eq!((trace.span_count(), again), (3, true));
    }

    #[test]
    fn closing_makes_everything_due_and_then_ends() {
        let (mut store, now) = (Store::default(), Instant::now());
        add(&mut store, &[span(1, 1, 0)], now);
        store.close();
        assert!(matches!(store.next(QUIET, now), Ok(Some(_))));
        assert!(matches!(store.next(QUIET, now), Ok(None)));
    }

    #[test]
    fn the_trace_updated_longest_ago_makes_room() {
        let (mut store, now) =
            (Store::new(Limits { traces: 2, ..Limits::default() }), Instant::now());
        add(&mut store, &[span(1, 1, 0)], now);
        add(&mut store, &[span(2, 2, 0)], now);
        add(&mut store, &[span(1, 3, 1)], now);
        add(&mut store, &[span(3, 4, 0)], now);
        assert_eq!(store.traces().map(|trace| trace.id).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(store.span_count(), 3);
        assert_eq!(store.counts().evicted_unseen, 1);
    }

    #[test]
    fn one_huge_trace_is_cut_and_counted() {
        let (mut store, now) =
            (Store::new(Limits { spans: 2, ..Limits::default() }), Instant::now());
        add(&mut store, &[span(9, 9, 0)], now);
        add(&mut store, &[span(1, 1, 0), span(1, 2, 1), span(1, 3, 1), span(1, 4, 1)], now);
        assert_eq!(store.trace(1).unwrap().span_count(), 2);
        assert_eq!(store.trace(1).unwrap().dropped_spans, 2);
        assert_eq!((store.trace_count(), store.counts().dropped_spans), (1, 2));
    }

    #[test]
    fn a_span_sent_again_replaces_itself_and_a_stranger_with_its_id_is_reported() {
        let (mut store, now) = (Store::default(), Instant::now());
        add(&mut store, &[span(1, 1, 0)], now);
        add(&mut store, &[span(1, 1, 0)], now);
        assert_eq!((store.span_count(), store.findings().count()), (1, 0));

        let mut snapshot = span(2, 1, 0);
        snapshot.metrics.insert("_dd.partial_version".into(), 1.0);
        add(&mut store, &[snapshot], now);
        add(&mut store, &[Span { duration_ns: 5, ..span(2, 1, 0) }], now);
        assert_eq!(store.trace(2).unwrap().duration_ns(), 5);
        assert_eq!(store.findings().count(), 0);

        add(&mut store, &[Span { name: "other".into(), ..span(1, 1, 0) }], now);
        assert_eq!(store.findings().next().unwrap().rule, Rule::DuplicateSpan);
    }

    #[test]
    fn findings_are_bounded_and_reported_in_order() {
        let mut store = Store::new(Limits { findings: 2, ..Limits::default() });
        for text in ["a", "b", "c"] {
            store.find(Finding::new(Rule::ZeroId, text));
        }
        let now = Instant::now();
        let mut seen = Vec::new();
        while let Ok(Some(Report::Finding(finding))) = store.next(QUIET, now) {
            seen.push(finding.detail);
        }
        assert_eq!(seen, ["b", "c"]);
        assert_eq!((store.findings().count(), store.counts().findings), (2, 3));
    }

    #[test]
    fn missing_parents_are_reported_after_the_trace_is() {
        let (mut store, now) = (Store::default(), Instant::now());
        add(&mut store, &[span(1, 2, 1), span(1, 3, 1)], now);
        store.close();
        assert!(matches!(store.next(QUIET, now), Ok(Some(Report::Trace { .. }))));
        assert!(matches!(store.next(QUIET, now), Ok(Some(Report::Finding(_)))));
    }
}
