//! What sampling has dropped, on its way to the agent: a number in the headers of the next request.

use crate::agent::DroppedP0s;

/// What was dropped and the agent does not know of yet.
///
/// A request that failed leaves it as it is, for the next one. As with spans, what the agent may know already is not
/// said twice.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    untold: DroppedP0s,
    /// As much of it as the request says that is on its way.
    on_its_way: DroppedP0s,
}

impl Dropped {
    /// Spans were dropped, and perhaps nothing was left of their trace.
    pub(super) fn add(&mut self, spans: u64, is_whole_trace: bool) {
        self.untold.spans += spans;
        self.untold.traces += u64::from(is_whole_trace);
    }

    /// What the next request has to say.
    pub(super) fn tell(&mut self) -> DroppedP0s {
        self.on_its_way = self.untold;
        self.untold
    }

    /// The agent has the request, or may have it and does not get it again.
    pub(super) fn told(&mut self) {
        let DroppedP0s { traces, spans } = std::mem::take(&mut self.on_its_way);
        self.untold.traces = self.untold.traces.saturating_sub(traces);
        self.untold.spans = self.untold.spans.saturating_sub(spans);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_failed_request_has_said_is_said_again() {
        let mut dropped = Dropped::default();
        dropped.add(10, true);
        dropped.add(3, false);
        assert_eq!(dropped.tell(), DroppedP0s { traces: 1, spans: 13 });
        // That one failed. While the next one is on its way, more is dropped.
        assert_eq!(dropped.tell(), DroppedP0s { traces: 1, spans: 13 });
        dropped.add(2, true);
        dropped.told();
        assert_eq!(dropped.tell(), DroppedP0s { traces: 1, spans: 2 });
        dropped.told();
        dropped.told();
        assert_eq!(dropped.tell(), DroppedP0s::default());
    }
}
