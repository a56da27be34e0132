//! What a program writes to filter its traces.

use crate::trace::FinishedTrace;

/// Looks at each finished trace before it is sent, and may change it or drop it.
///
/// Give it to [`TracerBuilder::trace_filter`](crate::TracerBuilder::trace_filter), or to a running tracer by
/// [`Tracer::reconfigure`](crate::Tracer::reconfigure). A closure that takes `&mut FinishedTrace<'_>` is a filter.
///
/// - **In order.** Filters are asked one after the other, until one says [`Verdict::Drop`] or [`Verdict::Keep`]. One
///   that changes traces, to remove what is secret for example, stands before all that may say `Keep`.
/// - **In the background.** They run on the tracer's own thread: the application never waits for them. One that is slow
///   delays what is sent, and when the queue is full, traces are lost and counted
///   ([`LossReason::QueueFull`](crate::LossReason::QueueFull)). Spans that a filter starts do not exist.
/// - **A panic ends at the call.** It is counted ([`Tracer::caught_panics`](crate::Tracer::caught_panics)) and said
///   once. The trace goes on to the next filter, with the changes that were made before the panic: each call that
///   changes a span is done as a whole or not at all.
/// - **Counted.** What is dropped is no loss. [`Tracer::filtered`](crate::Tracer::filtered) tells how much each filter
///   has dropped: what was made is what was delivered, filtered and lost together.
/// - **Sampling stays.** The decision has been taken, and may have gone to other processes: a filter cannot change it.
///
/// ```
/// use tracehound::{FinishedTrace, TraceFilter, Tracer, Verdict, testing};
///
/// /// Drops what the load test does.
/// struct NoLoadTest;
///
/// impl TraceFilter for NoLoadTest {
///     fn filter(&self, trace: &mut FinishedTrace<'_>) -> Verdict {
///         let is_test = trace.spans().any(|span| span.text("client") == Some("load-test"));
///         if is_test { Verdict::Drop } else { Verdict::Next }
///     }
/// }
///
/// let captured = testing::Captured::default();
/// let tracer = Tracer::builder().trace_filter(NoLoadTest).capture(&captured).build();
/// drop(tracer.span("web.request").tag("client", "load-test").start());
/// drop(tracer.span("web.request").tag("client", "browser").start());
/// assert_eq!(captured.spans().len(), 1);
/// ```
pub trait TraceFilter: Send + Sync {
    /// Looks at a trace, or at a part of it that is sent on its own ([`FinishedTrace`]).
    fn filter(&self, trace: &mut FinishedTrace<'_>) -> Verdict;

    /// The name by which the drops of this filter are counted; by default the name of the type.
    fn name(&self) -> &str {
        std::any::type_name::<Self>()
    }
}

/// What a [`TraceFilter`] says of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It has no objection: the next filter is asked. Behind the last one the trace is sent.
    Next,
    /// The trace is sent; filters behind this one are not asked.
    Keep,
    /// The trace is not sent; filters behind this one are not asked.
    Drop,
}

impl<F: Fn(&mut FinishedTrace<'_>) -> Verdict + Send + Sync> TraceFilter for F {
    fn filter(&self, trace: &mut FinishedTrace<'_>) -> Verdict {
        self(trace)
    }
}
