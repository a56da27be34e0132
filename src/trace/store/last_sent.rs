//! How long the span took that ended its trace, for a handle that is still held: its record has been handed off.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::id::SpanId;

/// The span whose end sent the trace, as a rule the local root, and its duration.
///
/// Written and read under the lock of the segment, so that the two belong together.
#[derive(Debug, Default)]
pub(super) struct LastSent {
    /// Zero, which is no id, before anything was sent.
    span: AtomicU64,
    nanoseconds: AtomicU64,
}

impl LastSent {
    #[inline]
    pub(crate) fn keep(&self, id: SpanId, nanoseconds: u64) {
        self.span.store(id.get(), Ordering::Relaxed);
        self.nanoseconds.store(nanoseconds, Ordering::Relaxed);
    }

    /// The duration of this span in nanoseconds, if it is the one.
    pub(super) fn duration_of(&self, id: SpanId) -> Option<u64> {
        let is_it = self.span.load(Ordering::Relaxed) == id.get();
        is_it.then(|| self.nanoseconds.load(Ordering::Relaxed))
    }
}
