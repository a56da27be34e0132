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
use crate::trace::store::{ContextStore, Lineage, SpanRef};

/// Which store it is.
enum Kind<'a> {
    Stack,
    Bridge(&'static Guarded),
    Own(&'a Guarded),
}

/// A panic of a [`ContextProvider`] does not get out.
impl UnwindSafe for ContextStore {}
impl RefUnwindSafe for ContextStore {}

impl ContextStore {
    /// One that the program has given to a tracer. No panic of it gets out.
    pub(crate) fn of(provider: Box<dyn ContextProvider>, diag: &Arc<Diag>) -> Self {
        ContextStore(Some(Arc::new(Guarded::of_program(provider, diag))))
    }

    #[inline]
    fn kind(&self) -> Kind<'_> {
        match (&self.0, REPLACEMENT.get()) {
            (None, None) => Kind::Stack,
            (None, Some(bridge)) => Kind::Bridge(bridge),
            (Some(own), _) => own.downcast_ref().map_or(Kind::Stack, Kind::Own),
        }
    }

    /// Calls the store, whichever it is.
    #[inline]
    fn call<T>(&self, call: impl FnOnce(&dyn ContextProvider) -> T) -> T {
        match self.kind() {
            Kind::Stack => call(&ThreadStack),
            Kind::Bridge(bridge) => call(bridge),
            Kind::Own(own) => call(own),
        }
    }

    /// See [`Tracer::active_ids`](crate::Tracer::active_ids).
    pub(crate) fn active_ids(&self) -> Option<ActiveIds> {
        self.call(|store| store.active_ids())
    }

    /// What is active. In a forked child it may be a span of the parent process; see [`ContextStore::current`].
    pub(crate) fn active(&self) -> ActiveContext {
        self.call(|store| store.active())
    }

    /// Looks at what is active in its place, without a clone. `None` where nothing is active, and where the store is
    /// not the stack of the thread.
    ///
    /// The stack is borrowed meanwhile: `look` must not run code of the program.
    #[inline]
    pub(crate) fn look<T>(&self, look: impl FnOnce(&ActiveContext) -> T) -> Option<T> {
        match self.kind() {
            Kind::Stack => ThreadStack::look(look),
            Kind::Bridge(_) | Kind::Own(_) => None,
        }
    }

    /// What is active. In a forked child, a span of the parent process is a remote context here.
    pub(crate) fn current(&self) -> ActiveContext {
        let mut active = self.active();
        active.replace_inherited(Lineage::Active);
        active
    }

    pub(crate) fn activate(&self, context: ActiveContext) -> ActiveScope {
        ActiveScope::of(match self.kind() {
            Kind::Stack => Held::Stack(ThreadStack.attach(context)),
            Kind::Bridge(bridge) => Held::Bridge(bridge.attach(context)),
            Kind::Own(own) => match self.0.clone().map(Arc::downcast) {
                Some(Ok(store)) => Held::Own(Box::new((store, own.attach(context)))),
                _ => Held::Nothing,
            },
        })
    }

    /// [`ContextStore::activate`] of a span alone.
    #[inline]
    pub(crate) fn activate_span(&self, span: &SpanRef) -> ActiveScope {
        match self.kind() {
            // The context is made in its place: see "store forwarding" in docs/architecture.md.
            Kind::Stack => ActiveScope::of(Held::Stack(ThreadStack::push(|| span.into()))),
            Kind::Bridge(_) | Kind::Own(_) => self.activate(span.into()),
        }
    }

    /// Whether spans that are started here do not exist.
    #[inline]
    pub(crate) fn is_suppressed(&self) -> bool {
        is_suppressed() || (!matches!(self.kind(), Kind::Stack) && self.is_suppressed_by_store())
    }

    /// Apart, so that the rest is inlined.
    #[inline(never)]
    fn is_suppressed_by_store(&self) -> bool {
        self.call(|store| store.is_suppressed())
    }
}
