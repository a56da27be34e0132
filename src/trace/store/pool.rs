//! Empty buffers for the next traces of a thread, fetched from the tracer's pool.

use std::cell::RefCell;

use super::layout::{Buffers, Shared};

/// Buffers that a thread keeps at the most; more than it fetches at once.
const MAX_POOLED: usize = 32;

thread_local! {
    /// Fetched several at a time, so that threads seldom meet at the lock of the tracer's pool.
    static POOL: RefCell<Vec<Buffers>> = const { RefCell::new(Vec::new()) };
}

/// Empty buffers for a trace.
#[inline]
pub(crate) fn empty_buffers(shared: &Shared) -> Buffers {
    let mut buffers = fetch(shared);
    buffers.tags.bound(shared.max_trace_bytes);
    buffers
}

#[inline]
fn fetch(shared: &Shared) -> Buffers {
    POOL.try_with(|pool| {
        let mut pool = pool.try_borrow_mut().ok()?;
        if pool.is_empty() {
            refill(&mut pool, shared);
        }
        pool.pop()
    })
    .ok()
    .flatten()
    .unwrap_or_default()
}

/// Apart, so that the rest is inlined.
#[inline(never)]
fn refill(pool: &mut Vec<Buffers>, shared: &Shared) {
    shared.sink.get().refill(pool);
}

/// Keeps buffers that were not needed for the next trace of this thread.
pub(crate) fn give_back(buffers: Buffers) {
    let Some(buffers) = buffers.recycle() else { return };
    let _ = POOL.try_with(|pool| {
        if let Ok(mut pool) = pool.try_borrow_mut() {
            if pool.len() < MAX_POOLED {
                pool.push(buffers);
            }
        }
    });
}
