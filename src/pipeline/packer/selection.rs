//! What of a chunk is sent, and what is counted before.

use super::Packer;
use crate::diag::Withheld;
use crate::pipeline::inner::Inner;
use crate::trace::{Chunk, SpanView};

/// A span that is analysed by itself (App Analytics), so it is kept though its trace is dropped.
const ANALYSED: &str = "_dd1.sr.eausr";

impl Packer {
    /// Leaves of a settled chunk what is to be sent.
    ///
    /// Statistics count everything before a filter of the program or sampling drops any of it. Whether a rule keeps a single span is asked here, once
    /// for each span of a trace that is not kept, because the rule may be limited; the encoder reads the answers.
    pub(super) fn select(&mut self, chunk: &mut Chunk) {
        if self.statistics.rejects(chunk) {
            return self.withhold(Withheld::AgentFilters, chunk, |_, _| false);
        }
        self.statistics.count(chunk);
        let Inner { filters, ledger, diag, .. } = &*self.inner;
        if let Some(filter) = filters.run(chunk, diag) {
            ledger.filtered(filter, chunk.len() as u64);
            chunk.retain(|_| false);
            return;
        }
        let decision = chunk.segment().decision();
        let is_kept = decision.is_none_or(|decision| decision.priority.is_keep());
        if !is_kept && self.inner.destination.drops_unsampled() {
            return self.withhold(Withheld::NotSampled, chunk, |_, _| false);
        }
        self.encoder.common.span_sampler.decide(chunk, !is_kept);
        // Only an agent that takes statistics may be sent less than everything. It keeps traces with errors.
        if !is_kept && self.statistics.is_on() && !chunk.spans().any(|span| span.is_error()) {
            self.withhold(Withheld::NotSampled, chunk, |packer, span| {
                packer.encoder.common.span_sampler.sample(span).is_some() || span.has(ANALYSED)
            });
        }
    }

    /// Takes out of a chunk what is not to be sent, and counts it.
    fn withhold(
        &mut self,
        reason: Withheld,
        chunk: &mut Chunk,
        keep: impl Fn(&Self, &SpanView<'_>) -> bool,
    ) {
        let before = chunk.len();
        chunk.retain(|span| keep(self, span));
        let spans = (before - chunk.len()) as u64;
        self.inner.ledger.withhold(reason, spans);
        if reason == Withheld::NotSampled {
            self.dropped.add(spans, chunk.len() == 0);
        }
    }
}
