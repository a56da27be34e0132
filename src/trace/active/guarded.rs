//! A context store that is not the library's own: its panics are caught here.

use std::sync::Arc;

use tracehound_fork::WriteOnce;

use super::context::ActiveContext;
use super::provider::{ActiveIds, ContextProvider, NOT_STORED, ScopeToken};
use crate::catch::catch;
use crate::diag::Diag;
use crate::user_code::{self, UserCode};

/// The store of a bridge, in the place of the thread-local stacks.
pub(super) static REPLACEMENT: WriteOnce<Guarded> = WriteOnce::new();

/// Puts a bridge's store in the place of the thread-local stacks, for all tracers of the process that have
/// none of their own. Once only: the second call returns `false` and changes nothing.
///
/// For bridges; meant to be called before the first span is activated.
pub fn replace_context_store(provider: Box<dyn ContextProvider>) -> bool {
    REPLACEMENT.set(Guarded { provider, diag: None }).is_ok()
}

/// A store whose panics are caught.
pub(crate) struct Guarded {
    provider: Box<dyn ContextProvider>,
    /// Of the tracer that it was given to; none for a bridge, whose store is asked for each span and is a part of
    /// this library as a rule.
    diag: Option<Arc<Diag>>,
}

impl Guarded {
    pub(super) fn of_program(provider: Box<dyn ContextProvider>, diag: &Arc<Diag>) -> Self {
        Guarded { provider, diag: Some(Arc::clone(diag)) }
    }

    #[inline]
    fn call<T>(&self, otherwise: T, call: impl FnOnce(&dyn ContextProvider) -> T) -> T {
        let called = match &self.diag {
            Some(diag) => {
                user_code::call(UserCode::ContextProvider, diag, || call(&*self.provider))
            }
            None => catch(|| call(&*self.provider)).or_else(|| {
                user_code::count(UserCode::ContextProvider, user_code::elsewhere(), 1);
                None
            }),
        };
        called.unwrap_or(otherwise)
    }
}

impl ContextProvider for Guarded {
    fn active(&self) -> ActiveContext {
        self.call(ActiveContext::empty(), |provider| provider.active())
    }

    fn attach(&self, context: ActiveContext) -> ScopeToken {
        self.call(NOT_STORED, |provider| provider.attach(context))
    }

    fn detach(&self, token: ScopeToken) {
        if token != NOT_STORED {
            self.call((), |provider| provider.detach(token));
        }
    }

    fn is_suppressed(&self) -> bool {
        self.call(false, |provider| provider.is_suppressed())
    }

    fn is_in_effect(&self, token: ScopeToken) -> bool {
        token == NOT_STORED || self.call(true, |provider| provider.is_in_effect(token))
    }

    fn active_ids(&self) -> Option<ActiveIds> {
        // Not through `call`, which uses thread-locals: the caller may be a signal handler.
        self.provider.active_ids()
    }
}
