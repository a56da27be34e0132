//! The way of a chunk to the sink, which code of the program may come to again while it is on it.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::layout::{Chunk, Sink};
use crate::diag::LossReason;

thread_local! {
    static STATE: Cell<State> = const { Cell::new(State::Idle) };
    static LATER: RefCell<Vec<Chunk>> = const { RefCell::new(Vec::new()) };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    /// The sink has a chunk, and may hold a lock.
    Busy,
    /// The same, and others wait for it.
    HasMore,
}

/// Hands a chunk to the sink of its tracer.
///
/// A trace that ends on a thread while the thread is doing this already, in an allocator that traces, follows when it
/// has been done: the sink would wait for itself.
#[inline]
pub(crate) fn submit(sink: &dyn Sink, chunk: Chunk) {
    if STATE.replace(State::Busy) != State::Idle {
        return put_off(chunk);
    }
    let busy = Busy;
    sink.submit(chunk);
    drop(busy);
}

/// The sink is not to panic; if one does all the same, the thread must not wait for ever with what follows.
struct Busy;

impl Drop for Busy {
    #[inline]
    fn drop(&mut self) {
        if STATE.replace(State::Idle) == State::HasMore {
            submit_rest();
        }
    }
}

#[cold]
fn put_off(chunk: Chunk) {
    STATE.set(State::HasMore);
    let mut chunk = Some(chunk);
    let _ = LATER.try_with(|later| {
        if let Ok(mut later) = later.try_borrow_mut() {
            later.extend(chunk.take());
        }
    });
    // Inside of this very function, or on a thread that is torn down.
    if let Some(chunk) = chunk {
        let spans = chunk.len() as u64;
        let reason = LossReason::QueueFull;
        chunk.segment().shared.diag.lose(reason, spans, || "handed over in an allocator".into());
    }
}

#[cold]
fn submit_rest() {
    let next = || LATER.try_with(|later| later.try_borrow_mut().ok()?.pop()).ok().flatten();
    while let Some(chunk) = next() {
        let sink = Arc::clone(&chunk.segment().shared.sink);
        submit(&*sink, chunk);
    }
}
