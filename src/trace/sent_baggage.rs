//! The baggage of spans that have been sent, for handles that are still held: a message may leave, and a child may
//! start, after the span that made it has finished.

use std::sync::Arc;

use super::baggage::Baggage;
use super::record::Record;
use crate::id::SpanId;

/// As many spans of a trace as are remembered, the latest: a trace that goes on for days would grow otherwise.
const MAX_SPANS: usize = 128;

/// What is remembered of the spans of one trace.
#[derive(Debug, Default)]
pub(super) struct SentBaggage(Vec<(SpanId, Arc<Baggage>)>);

impl SentBaggage {
    /// Nothing remembered.
    pub(super) const fn new() -> Self {
        SentBaggage(Vec::new())
    }

    /// Remembers the baggage of spans that are about to be sent.
    pub(super) fn keep<'a>(&mut self, spans: impl Iterator<Item = &'a Record> + Clone) {
        let with_baggage = spans.filter_map(|record| {
            let baggage = record.baggage.as_ref().filter(|baggage| !baggage.is_empty())?;
            Some((record.id?, baggage))
        });
        let count = with_baggage.clone().count();
        let new = count.min(MAX_SPANS);
        let surplus = self.0.len().saturating_add(new).saturating_sub(MAX_SPANS);
        self.0.drain(..surplus);
        self.0.reserve_exact(new);
        let latest = with_baggage.skip(count.saturating_sub(new));
        self.0.extend(latest.map(|(id, baggage)| (id, Arc::clone(baggage))));
    }

    /// The baggage of a span that was sent.
    pub(super) fn of(&self, id: SpanId) -> Option<Arc<Baggage>> {
        self.0.iter().rev().find(|(of, _)| *of == id).map(|(_, baggage)| Arc::clone(baggage))
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.0 = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: u64, baggage: Option<&str>) -> Record {
        let baggage =
            baggage.map(|value| Arc::new([("k", value.to_owned())].into_iter().collect()));
        Record { id: SpanId::new(id), baggage, ..Record::VACANT }
    }

    #[test]
    fn the_latest_are_remembered() {
        let mut sent = SentBaggage::default();
        let value = |sent: &SentBaggage, id| {
            sent.of(SpanId::new(id).unwrap()).map(|baggage| baggage.get("k").unwrap().to_owned())
        };
        sent.keep([record(1, Some("a")), record(2, None), Record::VACANT].iter());
        assert_eq!((value(&sent, 1).as_deref(), value(&sent, 2)), (Some("a"), None));
        let many: Vec<_> = (10..10 + MAX_SPANS as u64).map(|id| record(id, Some("b"))).collect();
        sent.keep(many[1..].iter());
        assert!(value(&sent, 1).is_some() && value(&sent, 11).is_some());
        sent.keep(many[..1].iter());
        assert!(value(&sent, 1).is_none() && value(&sent, 10).is_some());
        sent.keep(many.iter().chain(&many));
        assert_eq!(sent.0.len(), MAX_SPANS);
        sent.clear();
        assert!(value(&sent, 10).is_none());
    }
}
