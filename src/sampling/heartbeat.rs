//! `DD_APM_TRACING_ENABLED=false`: spans serve other products, and traces are not kept for their own sake.

use super::limiter::{Limiter, Verdict};
use super::sampler::{BuiltInSampler, Sampler};
use crate::clock::{self, Ticks};
use crate::trace::{SamplingDecision, SamplingMechanism, SamplingPriority, SpanView};

/// Keeps one trace per minute, so that the service is seen to be alive; all others are dropped unless a
/// product keeps them itself (sampling §10).
#[derive(Debug)]
pub(crate) struct Heartbeat {
    limiter: Limiter,
}

impl Heartbeat {
    pub(crate) fn new() -> Self {
        Heartbeat { limiter: Limiter::once_per_minute() }
    }

    fn decide(&self, now: Ticks) -> SamplingDecision {
        let Verdict { allowed, effective_rate } = self.limiter.ask(now);
        let priority =
            if allowed { SamplingPriority::AUTO_KEEP } else { SamplingPriority::AUTO_REJECT };
        SamplingDecision {
            limit_rate: Some(effective_rate),
            ..SamplingDecision::new(priority, SamplingMechanism::APPSEC)
        }
    }
}

impl Sampler for Heartbeat {
    fn sample(&self, _: &SpanView<'_>) -> SamplingDecision {
        self.decide(clock::now())
    }

    fn built_in(&self) -> Option<&dyn BuiltInSampler> {
        Some(self)
    }
}

impl BuiltInSampler for Heartbeat {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_trace_per_minute_is_kept() {
        let heartbeat = Heartbeat::new();
        let seconds = [0, 1, 59, 60, 61, 119, 121];
        let kept = seconds.map(|second| {
            let decision = heartbeat.decide(Ticks(second * 1_000_000_000));
            assert_eq!(decision.mechanism, Some(SamplingMechanism::APPSEC));
            assert_eq!(decision.rate, None);
            decision.priority.get()
        });
        assert_eq!(kept, [1, 0, 0, 1, 0, 0, 1]);
    }
}
