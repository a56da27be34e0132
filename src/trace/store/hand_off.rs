//! Hands chunks to the sink, also where an allocator of the program ends a trace while its thread hands one over.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::layout::{Chunk, Sink};
use crate::diag::LossReason;
use crate::replaceable::Replaceable;

thread_local! {
    static STATE: Cell<State> = const { Cell::new(State::Idle) };
    static WAITING: RefCell<Vec<Chunk>> = const { RefCell::new(Vec::new()) };
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
/// A chunk that comes while the thread is in the sink already, from an allocator that traces, waits until the sink has
/// returned: the sink may hold a lock, and would wait for itself.
#[inline]
pub(crate) fn submit(sink: &Replaceable<dyn Sink>, chunk: Chunk) {
    if STATE.replace(State::Busy) != State::Idle {
        return enqueue(chunk);
    }
    let busy = Busy;
    let refused = match sink.if_first() {
        Some(first) => first.submit(chunk),
        None => Some(chunk),
    };
    if let Some(chunk) = refused {
        submit_to_newer(sink, chunk);
    }
    drop(busy);
}

/// Hands over a chunk where the first sink is no longer in force, or has just refused it for that reason.
#[cold]
#[inline(never)]
fn submit_to_newer(sink: &Replaceable<dyn Sink>, chunk: Chunk) {
    let mut refused_by = None;
    let mut refused = Some(chunk);
    while let Some(chunk) = refused {
        let newest = sink.get();
        if refused_by.as_ref().is_some_and(|old| newest.is_same_as(old)) {
            // It refuses, and yet nothing has taken its place: a mistake of ours, which must not keep the thread here.
            let (spans, diag) = (chunk.len() as u64, &chunk.segment().shared.diag);
            return diag.lose(LossReason::Shutdown, spans, || diag.after_shutdown());
        }
        refused = newest.submit(chunk);
        refused_by = Some(newest);
    }
}

/// Resets the state when it is dropped, so also where a sink panics: later chunks of the thread must not wait for ever.
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
fn enqueue(chunk: Chunk) {
    STATE.set(State::HasMore);
    let mut chunk = Some(chunk);
    let _ = WAITING.try_with(|waiting| {
        if let Ok(mut waiting) = waiting.try_borrow_mut() {
            waiting.extend(chunk.take());
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
    let next = || WAITING.try_with(|waiting| waiting.try_borrow_mut().ok()?.pop()).ok().flatten();
    while let Some(chunk) = next() {
        let sink = Arc::clone(&chunk.segment().shared.sink);
        submit(&sink, chunk);
    }
}
