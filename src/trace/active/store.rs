//! Calls the context store of a tracer: as a rule the stacks of the threads, without a call through a pointer.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use super::context::ActiveContext;
use super::guarded::{Guarded, REPLACEMENT};
use super::provider::{ActiveIds, ContextProvider};
use super::scope::{ActiveScope, Held};
use super::thread_stack::ThreadStack;
use crate::diag::Diag;
use crate::suppression::is_suppressed;
use crate::trace::store::{ContextStore, ContextStores, Lineage, SpanRef};

/// The store that a tracer has now.
pub(crate) enum Store<'a> {
    Stack,
    Bridge(&'static Guarded),
    Own(&'a Arc<Guarded>),
}

/// A panic of a [`ContextProvider`] does not get out.
impl UnwindSafe for ContextStore {}
impl RefUnwindSafe for ContextStore {}

impl ContextStore {
    /// One that the program has given to a tracer. No panic of it gets out.
    pub(crate) fn of(provider: Box<dyn ContextProvider>, diag: &Arc<Diag>) -> Self {
        ContextStore(Arc::new(Arc::new(Guarded::of_program(provider, diag))))
    }
}

/// That of the process, as long as the tracer was not given one of the program's.
impl ContextStores {
    /// The one in force.
    #[inline]
    pub(crate) fn now(&self) -> Store<'_> {
        match self.newest() {
            None => Store::of_process(),
            Some(own) => own.0.downcast_ref().map_or(Store::Stack, Store::Own),
        }
    }
}

impl Store<'_> {
    /// The threads' stacks, unless a bridge has put its own store in their place.
    #[inline]
    pub(crate) fn of_process() -> Self {
        REPLACEMENT.get().map_or(Store::Stack, Store::Bridge)
    }

    /// Whether the program has given it.
    pub(crate) fn is_own(&self) -> bool {
        matches!(self, Store::Own(_))
    }

    /// Calls the store, whichever it is.
    #[inline]
    fn call<T>(&self, call: impl FnOnce(&dyn ContextProvider) -> T) -> T {
        match self {
            Store::Stack => call(&ThreadStack),
            Store::Bridge(bridge) => call(*bridge),
            Store::Own(own) => call(&***own),
        }
    }

    /// See [`Tracer::active_ids`](crate::Tracer::active_ids).
    pub(crate) fn active_ids(&self) -> Option<ActiveIds> {
        self.call(|store| store.active_ids())
    }

    /// What is active. In a forked child it may be a span of the parent process; see [`Store::current`].
    #[inline]
    pub(crate) fn active(&self) -> ActiveContext {
        self.call(|store| store.active())
    }

    /// Looks at what is active in its place, without a clone. `None` where nothing is active, and where the store is
    /// not the stack of the thread.
    ///
    /// The stack is borrowed meanwhile: `look` must not run code of the program.
    #[inline]
    pub(crate) fn look<T>(&self, look: impl FnOnce(&ActiveContext) -> T) -> Option<T> {
        match self {
            Store::Stack => ThreadStack::look(look),
            Store::Bridge(_) | Store::Own(_) => None,
        }
    }

    /// What is active. In a forked child, a span of the parent process is a remote context here.
    pub(crate) fn current(&self) -> ActiveContext {
        let mut active = self.active();
        active.replace_inherited(Lineage::Active);
        active
    }

    pub(crate) fn activate(&self, context: ActiveContext) -> ActiveScope {
        ActiveScope::of(match self {
            Store::Stack => Held::Stack(ThreadStack.attach(context)),
            Store::Bridge(bridge) => Held::Bridge(bridge.attach(context)),
            Store::Own(own) => Held::Own(Box::new((Arc::clone(own), own.attach(context)))),
        })
    }

    /// [`Store::activate`] of a span alone.
    #[inline]
    pub(crate) fn activate_span(&self, span: &SpanRef) -> ActiveScope {
        match self {
            // The context is made in its place: see "store forwarding" in docs/architecture.md.
            Store::Stack => ActiveScope::of(Held::Stack(ThreadStack::push(|| span.into()))),
            Store::Bridge(_) | Store::Own(_) => self.activate(span.into()),
        }
    }

    /// Whether spans that are started here do not exist.
    #[inline]
    pub(crate) fn is_suppressed(&self) -> bool {
        is_suppressed() || (!matches!(self, Store::Stack) && self.is_suppressed_by_store())
    }

    /// Apart, so that the rest is inlined.
    #[inline(never)]
    fn is_suppressed_by_store(&self) -> bool {
        self.call(|store| store.is_suppressed())
    }
}

impl ActiveContext {
    /// Makes it active in the store that the tracer of its span has now; without a span, in that of the process.
    pub(crate) fn enter(self) -> ActiveScope {
        let Some(at) = self.span.at.clone() else { return Store::of_process().activate(self) };
        at.segment.shared.context_stores.now().activate(self)
    }
}
