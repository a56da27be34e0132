//! What is left of traces that were sent, kept for the next ones of a thread.

use std::cell::RefCell;

use super::layout::{Buffers, Shared};

/// What a thread keeps at the most; more than it fetches at once.
const MAX_BLANKS: usize = 32;

thread_local! {
    /// Fetched several at a time: threads that start traces meet at the pool's lock seldom.
    static BLANKS: RefCell<Vec<Buffers>> = const { RefCell::new(Vec::new()) };
}

/// Room for the spans of a trace.
#[inline]
pub(crate) fn blank(shared: &Shared) -> Buffers {
    let mut blank = fetch(shared);
    blank.tags.bound(shared.max_trace_bytes);
    blank
}

#[inline]
fn fetch(shared: &Shared) -> Buffers {
    BLANKS
        .try_with(|blanks| {
            let mut blanks = blanks.try_borrow_mut().ok()?;
            if blanks.is_empty() {
                shared.sink.refill(&mut blanks);
            }
            blanks.pop()
        })
        .ok()
        .flatten()
        .unwrap_or_default()
}

/// Keeps room that was not needed for the next trace of this thread.
pub(crate) fn give_back(buffers: Buffers) {
    let Some(buffers) = buffers.recycle() else { return };
    let _ = BLANKS.try_with(|blanks| {
        if let Ok(mut blanks) = blanks.try_borrow_mut() {
            if blanks.len() < MAX_BLANKS {
                blanks.push(buffers);
            }
        }
    });
}
