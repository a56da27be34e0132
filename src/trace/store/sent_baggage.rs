//! The baggage of spans that have been sent, for handles that are still held: a message may leave, and a child may
//! start, after the span that made it has finished.

use std::sync::Arc;

use crate::id::SpanId;
use crate::trace::values::Baggage;

/// As many spans of a trace as are remembered, the latest: a trace that goes on for days would grow otherwise.
const MAX_SPANS: usize = 128;

/// What is remembered of the spans of one trace.
#[derive(Debug, Default)]
pub(super) struct SentBaggage(Vec<(SpanId, Arc<Baggage>)>);

impl SentBaggage {
    /// Remembers the baggage of spans that are about to be sent.
    pub(crate) fn keep<'a>(
        &mut self,
        spans: impl Iterator<Item = (SpanId, &'a Arc<Baggage>)> + Clone,
    ) {
        let with_baggage = spans.filter(|(_, baggage)| !baggage.is_empty());
        let count = with_baggage.clone().count();
        let new = count.min(MAX_SPANS);
        let surplus = self.0.len().saturating_add(new).saturating_sub(MAX_SPANS);
        self.0.drain(..surplus);
        self.0.reserve_exact(new);
        let latest = with_baggage.skip(count.saturating_sub(new));
        self.0.extend(latest.map(|(id, baggage)| (id, Arc::clone(baggage))));
    }

    /// The baggage of a span that was sent.
    pub(crate) fn of(&self, id: SpanId) -> Option<Arc<Baggage>> {
        self.0.iter().rev().find(|(of, _)| *of == id).map(|(_, baggage)| Arc::clone(baggage))
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.0 = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baggage(value: &str) -> Arc<Baggage> {
        Arc::new([("k", value.to_owned())].into_iter().collect())
    }

    #[test]
    fn the_latest_are_remembered() {
        let mut sent = SentBaggage::default();
        let value = |sent: &SentBaggage, id| {
            sent.of(SpanId::new(id).unwrap()).map(|baggage| baggage.get("k").unwrap().to_owned())
        };
        let id = |id| SpanId::new(id).unwrap();
        let (a, b) = (baggage("a"), baggage("b"));
        sent.keep([(id(1), &a), (id(2), &Arc::default())].into_iter());
        assert_eq!((value(&sent, 1).as_deref(), value(&sent, 2)), (Some("a"), None));
        let many = (10..10 + MAX_SPANS as u64).map(|number| (id(number), &b));
        sent.keep(many.clone().skip(1));
        assert!(value(&sent, 1).is_some() && value(&sent, 11).is_some());
        sent.keep(many.clone().take(1));
        assert!(value(&sent, 1).is_none() && value(&sent, 10).is_some());
        sent.keep(many.clone().chain(many));
        assert_eq!(sent.0.len(), MAX_SPANS);
        sent.clear();
        assert!(value(&sent, 10).is_none());
    }
}
