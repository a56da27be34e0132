//! Filters that keep what is worth it, whatever those behind them say.

use std::time::Duration;

use super::trace_filter::{TraceFilter, Verdict};
use crate::trace::FinishedTrace;

/// Keeps every trace in which a span is an error: filters behind this one are not asked about it.
///
/// By itself it drops nothing: it stands before a filter that does.
///
/// ```
/// use std::time::Duration;
/// use tracehound::{FinishedTrace, KeepErrors, KeepOneIn, KeepSlow, Tracer, Verdict, testing};
///
/// // All errors, all that took half a second and more, one in a hundred of the rest.
/// let captured = testing::Captured::default();
/// let tracer = Tracer::builder()
///     .trace_filter(KeepErrors)
///     .trace_filter(KeepSlow(Duration::from_millis(500)))
///     .trace_filter(KeepOneIn::new(100, "*"))
///     .capture(&captured)
///     .build();
/// for number in 0..1000 {
///     let span = tracer.trace("job");
///     if number % 500 == 7 {
///         span.set_error_message("out of eggs");
///     }
/// }
/// assert_eq!(captured.spans().len(), 2 + 10);
/// ```
///
/// A trace that the sampler has rejected stays rejected ([`FinishedTrace::priority`]): let the sampler keep all
/// (`DD_TRACE_SAMPLE_RATE=1`), where filters are to choose.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeepErrors;

impl TraceFilter for KeepErrors {
    fn filter(&self, trace: &mut FinishedTrace<'_>) -> Verdict {
        if trace.has_error() { Verdict::Keep } else { Verdict::Next }
    }

    fn name(&self) -> &str {
        "KeepErrors"
    }
}

/// Keeps every trace in which a span took as long as this, or longer: filters behind this one are not asked about it.
///
/// By itself it drops nothing; see [`KeepErrors`].
#[derive(Clone, Copy, Debug)]
pub struct KeepSlow(
    /// What is slow.
    pub Duration,
);

impl TraceFilter for KeepSlow {
    fn filter(&self, trace: &mut FinishedTrace<'_>) -> Verdict {
        let is_slow = |ns| Duration::from_nanos(ns) >= self.0;
        let slow = trace.spans().any(|span| span.duration_ns().is_some_and(is_slow));
        if slow { Verdict::Keep } else { Verdict::Next }
    }

    fn name(&self) -> &str {
        "KeepSlow"
    }
}
