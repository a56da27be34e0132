//! The default store: a stack for each thread.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU8, Ordering, compiler_fence};

use super::context::ActiveContext;
use super::provider::{ActiveIds, ContextProvider, NOT_STORED, ScopeToken};

thread_local! {
    /// Entries of scopes that ended out of order are `None` until the ones above them end.
    static STACK: RefCell<Vec<Option<ActiveContext>>> = const { RefCell::new(Vec::new()) };
    /// Whether [`STACK`] can be looked at in a signal handler, to which a borrow says nothing.
    static STACK_STATE: AtomicU8 = const { AtomicU8::new(NOT_MADE) };
}

/// Nothing was ever active on the thread.
const NOT_MADE: u8 = 0;
const READY: u8 = 1;
const CHANGING: u8 = 2;

/// Changes the stack, which is borrowed, so that a signal handler that comes in between can tell.
#[inline]
fn changing<T>(change: impl FnOnce() -> T) -> T {
    STACK_STATE.with(|state| state.store(CHANGING, Ordering::Relaxed));
    compiler_fence(Ordering::SeqCst);
    let done = change();
    compiler_fence(Ordering::SeqCst);
    STACK_STATE.with(|state| state.store(READY, Ordering::Relaxed));
    done
}

/// The default store: a stack for each thread.
pub(super) struct ThreadStack;

impl ThreadStack {
    #[inline]
    pub(crate) fn look<T>(look: impl FnOnce(&ActiveContext) -> T) -> Option<T> {
        let looked = STACK.try_with(|stack| {
            let stack = stack.try_borrow().ok()?;
            // The last entry is never one that has ended.
            stack.last()?.as_ref().map(look)
        });
        looked.ok().flatten()
    }

    /// Puts on top what `context` makes; it must not run code of the program.
    #[inline]
    pub(crate) fn push(context: impl FnOnce() -> ActiveContext) -> ScopeToken {
        let pushed = STACK.try_with(|stack| {
            let mut stack = stack.try_borrow_mut().ok()?;
            let token = u64::try_from(stack.len()).ok()?;
            changing(|| stack.push(Some(context())));
            Some(ScopeToken(token))
        });
        pushed.ok().flatten().unwrap_or(NOT_STORED)
    }
}

impl ContextProvider for ThreadStack {
    fn active(&self) -> ActiveContext {
        ThreadStack::look(ActiveContext::clone).unwrap_or_default()
    }

    fn attach(&self, context: ActiveContext) -> ScopeToken {
        ThreadStack::push(|| context)
    }

    fn detach(&self, token: ScopeToken) {
        let ended = STACK.try_with(|stack| {
            let mut stack = stack.try_borrow_mut().ok()?;
            let place = usize::try_from(token.0).ok()?;
            changing(|| {
                if stack.len().checked_sub(1) != Some(place) {
                    return Some(stack.get_mut(place)?.take());
                }
                let ended = stack.pop();
                while let Some(None) = stack.last() {
                    stack.pop();
                }
                ended
            })
        });
        // Dropped after the borrow: it may be the last handle of a trace.
        drop(ended);
    }

    fn is_in_effect(&self, token: ScopeToken) -> bool {
        if token == NOT_STORED {
            return true;
        }
        // The last entry is never one that has ended.
        let latest = STACK.try_with(|stack| {
            let latest = stack.try_borrow().ok()?.len().checked_sub(1)?;
            u64::try_from(latest).ok()
        });
        latest.map_or(true, |latest| latest == Some(token.0))
    }

    fn active_ids(&self) -> Option<ActiveIds> {
        if STACK_STATE.with(|state| state.load(Ordering::Relaxed)) != READY {
            return None;
        }
        compiler_fence(Ordering::SeqCst);
        ThreadStack::look(|active| {
            let at = active.span.at.as_ref().filter(|at| !at.segment.is_inherited())?;
            Some(ActiveIds {
                trace_id: at.segment.trace_id,
                span_id: at.id,
                local_root_id: at.segment.root,
            })
        })
        .flatten()
    }
}
