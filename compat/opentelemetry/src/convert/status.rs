//! The status of a span.

use opentelemetry::trace::Status;
use tracehound::SpanRef;
use tracehound::bridge::SpanExt as _;

/// A flag in the note that the core keeps with the span: its status is `Ok`, which is final.
const OK: u8 = 1;
/// Another flag: `error.message` is that of an exception, which outranks the status's description.
pub(crate) const EXCEPTION: u8 = 2;

/// `Ok` is final and clears an error, `Error` replaces an earlier one, `Unset` does nothing.
pub(crate) fn set(span: &SpanRef, status: Status) {
    match status {
        Status::Unset => {}
        Status::Ok => {
            let Some(before) = span.update_bridge_flags(0, OK) else { return };
            span.set_tag("error", false);
            if before & (OK | EXCEPTION) == 0 {
                span.remove_tag("error.message");
            }
        }
        Status::Error { description } => {
            let Some(note) = note(span).filter(|note| note & OK == 0) else { return };
            span.set_tag("error", true);
            if !description.is_empty() && note & EXCEPTION == 0 {
                span.set_tag("error.message", description);
            }
        }
    }
}

/// Whether the status of an open span cannot change any more.
pub(crate) fn is_final(span: &SpanRef) -> bool {
    note(span).is_some_and(|note| note & OK != 0)
}

/// Marks a span that a panic ends: `tracing-opentelemetry` ends its spans explicitly where they are dropped.
#[inline]
pub(crate) fn mark_if_panicking(span: &SpanRef) {
    if std::thread::panicking() && !is_final(span) {
        span.set_current_panic();
    }
}

fn note(span: &SpanRef) -> Option<u8> {
    span.update_bridge_flags(0, 0)
}
