//! What keeps the active span: one trait, for the stacks of the threads, a bridge's store, or one of the program.

use super::context::ActiveContext;
use crate::id::{SpanId, TraceId};

/// Keeps what is active on each thread, task, or whatever the program runs in.
///
/// The default keeps a stack for each thread. The OpenTelemetry bridge puts OpenTelemetry's own context in
/// its place, so that both APIs see one store. Give your own to
/// [`TracerBuilder::context_provider`](crate::TracerBuilder::context_provider).
///
/// An activation in a store of one's own takes one small allocation beside those of the store; in the default one, none.
///
/// Every method is called on application threads, may be called while a thread is being torn down, and must not
/// panic: where one does all the same nothing is active, and the panic is counted and said once. `detach` may come
/// in any order.
pub trait ContextProvider: Send + Sync {
    /// What is active here: the parent of what starts next. Empty where nothing is.
    fn active(&self) -> ActiveContext;

    /// Makes a context the active one until [`ContextProvider::detach`] is called with the returned token,
    /// on the same thread.
    fn attach(&self, context: ActiveContext) -> ScopeToken;

    /// Ends what `attach` began. If something else was attached since, that stays active.
    fn detach(&self, token: ScopeToken);

    /// Whether tracing is off here by a word of the store's own, as [`suppress`](crate::suppress) says it for a thread: spans
    /// do not exist then. By default it is on.
    fn is_suppressed(&self) -> bool {
        false
    }

    /// Whether what `attach` made active is what is active here now. For APIs in which a scope that ends out
    /// of order has another effect; a store that cannot tell says `true`, as this does.
    ///
    /// `true` as well for what could not be stored, on a thread that is being torn down.
    fn is_in_effect(&self, token: ScopeToken) -> bool {
        let _ = token;
        true
    }

    /// The ids of the active span, for [`Tracer::active_ids`](crate::Tracer::active_ids), which promises that a
    /// signal handler and an allocator may ask for them: no lock, no allocation, no panic, no thread-local that is
    /// made at its first use. A store that cannot do this without them says `None`, as this does.
    fn active_ids(&self) -> Option<ActiveIds> {
        None
    }
}

/// The ids of the active span, as [`Tracer::active_ids`](crate::Tracer::active_ids) reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ActiveIds {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// The first span of the trace in this process.
    pub local_root_id: SpanId,
}

/// Names one `attach` of a [`ContextProvider`]; what the number means is the provider's own affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScopeToken(pub u64);

/// The token of an `attach` that could not be stored, on a thread that is being torn down.
pub(super) const NOT_STORED: ScopeToken = ScopeToken(u64::MAX);
