//! What ends an activation.

use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use super::guarded::{Guarded, REPLACEMENT};
use super::provider::{ContextProvider, ScopeToken};
use super::thread_stack::ThreadStack;

/// Keeps something active until it is dropped.
///
/// Scopes may be dropped in any order: what was activated later stays active until its own scope ends. A
/// scope belongs to its thread and cannot be held across an `.await` in a future that moves between
/// threads; use [`FutureExt::in_span`](crate::FutureExt::in_span) there.
///
/// ```compile_fail
/// fn is_send<T: Send>() {}
/// is_send::<tracehound::ActiveScope>();
/// ```
#[must_use = "what was activated is active only until the scope is dropped; `let _ =` drops it at once"]
#[derive(Debug)]
pub struct ActiveScope {
    held: Held,
    /// Not `Send`: the store is the thread's.
    _thread: PhantomData<*const ()>,
}

/// Two words, which go from function to function in registers; hence the box.
pub(super) enum Held {
    Nothing,
    Stack(ScopeToken),
    Bridge(ScopeToken),
    Own(Box<(Arc<Guarded>, ScopeToken)>),
}

const _: () = assert!(size_of::<Held>() <= 16, "two words");

/// A panic of a [`ContextProvider`] does not get out.
impl UnwindSafe for Held {}
impl RefUnwindSafe for Held {}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Held::Nothing => "Nothing",
            Held::Stack(_) | Held::Bridge(_) | Held::Own(_) => "Active",
        })
    }
}

impl ActiveScope {
    /// A scope that holds nothing active: of a span that does not exist.
    pub(crate) fn empty() -> Self {
        ActiveScope::of(Held::Nothing)
    }

    pub(super) fn of(held: Held) -> Self {
        ActiveScope { held, _thread: PhantomData }
    }

    /// Whether what this scope made active is what is active here now, and nothing that was activated later.
    ///
    /// ```
    /// let (tracer, _) = tracehound::testing::tracer();
    /// let span = tracer.start_span("a");
    /// let outer = span.activate();
    /// let inner = span.activate();
    /// assert!(inner.is_active() && !outer.is_active());
    /// drop(inner);
    /// assert!(outer.is_active());
    /// ```
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.call(|store, token| store.is_in_effect(token)).unwrap_or(true)
    }

    /// Calls the store that the scope is of; `None` where nothing is held.
    #[inline]
    fn call<T>(&self, call: impl FnOnce(&dyn ContextProvider, ScopeToken) -> T) -> Option<T> {
        Some(match &self.held {
            Held::Nothing => return None,
            Held::Stack(token) => call(&ThreadStack, *token),
            Held::Bridge(token) => call(REPLACEMENT.get()?, *token),
            Held::Own(own) => call(&*own.0, own.1),
        })
    }
}

impl Drop for ActiveScope {
    fn drop(&mut self) {
        self.call(|store, token| store.detach(token));
    }
}
