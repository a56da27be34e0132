//! Active spans by thread.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::handle::{ScopeBackend, ScopeManagerBackend, Span, Tracer};

/// Keeps the active spans by thread: what is active on one is not on another.
///
/// For tracers; each value of it is a store of its own. With the futures of
/// [`FutureExt`](crate::FutureExt), which make a span active on each poll, it does for async code as well.
#[derive(Debug)]
pub struct ThreadLocalScopeManager {
    id: u64,
}

impl ThreadLocalScopeManager {
    /// A store in which nothing is active.
    #[must_use]
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        ThreadLocalScopeManager { id: NEXT.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Default for ThreadLocalScopeManager {
    fn default() -> Self {
        Self::new()
    }
}

thread_local! {
    /// The activations of every manager on this thread, the latest at the end.
    static STACK: RefCell<Stack> = const { RefCell::new(Stack { next: 0, entries: Vec::new() }) };
}

struct Stack {
    next: u64,
    entries: Vec<Entry>,
}

struct Entry {
    manager: u64,
    activation: u64,
    span: Span,
}

impl ScopeManagerBackend for ThreadLocalScopeManager {
    fn activate(&self, span: &Span) -> Box<dyn ScopeBackend> {
        let manager = self.id;
        let activation = STACK.try_with(|stack| {
            let mut stack = stack.try_borrow_mut().ok()?;
            let activation = stack.next;
            stack.next = activation.wrapping_add(1);
            stack.entries.push(Entry { manager, activation, span: span.clone() });
            Some(activation)
        });
        Box::new(Activation { manager, activation: activation.ok().flatten() })
    }

    fn active_span(&self, _: &Tracer) -> Option<Span> {
        read(|stack| stack.last(self.id).map(|entry| entry.span.clone())).flatten()
    }
}

fn read<T>(look: impl FnOnce(&Stack) -> T) -> Option<T> {
    STACK.try_with(|stack| stack.try_borrow().ok().map(|stack| look(&stack))).ok().flatten()
}

impl Stack {
    fn last(&self, manager: u64) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.manager == manager)
    }

    fn remove(&mut self, activation: u64) -> Option<Entry> {
        let place = self.entries.iter().rposition(|entry| entry.activation == activation)?;
        Some(self.entries.remove(place))
    }
}

/// Not `Send`, as part of a `Scope`.
struct Activation {
    manager: u64,
    /// `None` where it could not be stored, on a thread that is being torn down.
    activation: Option<u64>,
}

impl ScopeBackend for Activation {
    fn is_active(&self) -> bool {
        let Some(own) = self.activation else { return true };
        // The stack may have gone before its last scope, on a thread that is being torn down.
        read(|stack| stack.last(self.manager).is_some_and(|entry| entry.activation == own))
            .unwrap_or(true)
    }
}

impl Drop for Activation {
    fn drop(&mut self) {
        let Some(own) = self.activation else { return };
        let removed = STACK.try_with(|stack| stack.try_borrow_mut().ok()?.remove(own));
        // Dropped after the borrow: a span may do anything when its last handle goes.
        drop(removed);
    }
}
