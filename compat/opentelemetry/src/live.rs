//! From a span in an OpenTelemetry context back to the core's span.
//!
//! OpenTelemetry keeps the span behind a type-erased box that has no way back. Two ways lead there all the
//! same: a few spans that this thread used last, by id; and for any other, asking the box itself whether it
//! is recording, and having our own span note down who was asked. So there is no map of all live spans to
//! keep, and nothing that could go stale.

use std::cell::{Cell, RefCell};

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use tracehound::{SpanRef, WeakSpanRef};

/// Spans that a thread remembers. A power of two.
const REMEMBERED: usize = 8;

thread_local! {
    /// Weak, so that a thread that went idle does not keep traces in memory.
    static LAST: RefCell<[WeakSpanRef; REMEMBERED]> = RefCell::default();
    static ASKING: Cell<bool> = const { Cell::new(false) };
    static ANSWER: RefCell<Option<SpanRef>> = const { RefCell::new(None) };
}

/// Remembers a span that is likely to be looked up on this thread.
pub(crate) fn remember(span: &SpanRef) {
    let Some(id) = span.span_id() else { return };
    let _ = LAST.try_with(|last| {
        let replaced = last.try_borrow_mut().ok().and_then(|mut last| {
            Some(std::mem::replace(last.get_mut(place(id.get()))?, span.downgrade()))
        });
        drop(replaced);
    });
}

/// The core's span that is active in a context, if it is one of the core's.
pub(crate) fn span_of(context: &Context) -> Option<SpanRef> {
    if !context.has_active_span() {
        return None;
    }
    let span = context.span();
    let span_context = span.span_context();
    if span_context.is_remote() || !span_context.is_valid() {
        return None;
    }
    let id = u64::from_be_bytes(span_context.span_id().to_bytes());
    let trace_id = u128::from_be_bytes(span_context.trace_id().to_bytes());
    if let Some(known) = recall(id, trace_id) {
        return Some(known);
    }
    let found = ask(|| span.is_recording())?;
    remember(&found);
    Some(found)
}

fn recall(id: u64, trace_id: u128) -> Option<SpanRef> {
    LAST.try_with(|last| {
        let last = last.try_borrow().ok()?;
        let weak = last.get(place(id))?;
        if weak.span_id()?.get() != id {
            return None;
        }
        weak.upgrade().filter(|span| span.trace_id().is_some_and(|trace| trace.get() == trace_id))
    })
    .ok()
    .flatten()
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
fn place(id: u64) -> usize {
    id as usize & (REMEMBERED - 1)
}

/// Lets `question` reach a span of ours, and returns the one it reached.
fn ask<T>(question: impl FnOnce() -> T) -> Option<SpanRef> {
    ASKING.try_with(|asking| asking.set(true)).ok()?;
    let _ = question();
    let _ = ASKING.try_with(|asking| asking.set(false));
    ANSWER.try_with(|answer| answer.try_borrow_mut().ok()?.take()).ok().flatten()
}

/// Called by our span when it is asked something; `true` when the question was only who it is.
pub(crate) fn answer(span: &SpanRef) -> bool {
    let asked = ASKING.try_with(|asking| asking.replace(false)).unwrap_or(false);
    if asked {
        let _ = ANSWER.try_with(|answer| {
            if let Ok(mut answer) = answer.try_borrow_mut() {
                *answer = Some(span.clone());
            }
        });
    }
    asked
}
