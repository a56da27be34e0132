//! The spans with one key.

use libdd_ddsketch::DDSketch;

use super::key::Layout;
use crate::trace::SpanView;

/// What is counted of the spans with one key.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) layout: Layout,
    pub(super) hits: u64,
    pub(super) errors: u64,
    pub(super) top_level_hits: u64,
    /// Of all of them together, in nanoseconds.
    pub(super) duration: u64,
    /// How long those without an error took, and those with one. Without values, they hold no memory.
    pub(super) ok: DDSketch,
    pub(super) failed: DDSketch,
}

impl Group {
    pub(super) fn new(layout: Layout) -> Self {
        Group {
            layout,
            hits: 0,
            errors: 0,
            top_level_hits: 0,
            duration: 0,
            ok: DDSketch::default(),
            failed: DDSketch::default(),
        }
    }

    pub(super) fn add(&mut self, span: &SpanView<'_>, is_top_level: bool) {
        let duration = span.duration_ns().unwrap_or_default();
        self.hits += 1;
        self.top_level_hits += u64::from(is_top_level);
        self.duration = self.duration.saturating_add(duration);
        let sketch = if span.is_error() {
            self.errors += 1;
            &mut self.failed
        } else {
            &mut self.ok
        };
        #[expect(clippy::cast_precision_loss, reason = "a sketch is less exact than that")]
        let added = sketch.add(duration as f64);
        // It refuses only what is negative or no number.
        debug_assert!(added.is_ok());
    }
}
