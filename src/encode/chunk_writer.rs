//! What each format has to do: the trait that writes chunks, and what the spans of a chunk share.

use std::sync::Arc;

use super::process::Process;
use super::repeated::Repeated;
use crate::sampling::SpanSampler;
use crate::trace::{SamplingDecision, Segment, SpanView};

/// How one format writes chunks.
pub(super) trait ChunkWriter {
    /// Writes what is before the spans of a chunk, of which there are so many. Returns where their array begins.
    fn begin_chunk(&mut self, spans: &SpanWriter<'_>, first: &SpanView<'_>, count: usize) -> usize;

    fn span(&mut self, spans: &SpanWriter<'_>, span: &SpanView<'_>, is_head: bool);

    /// Says that the array of spans has fewer than it was begun with.
    fn set_count(&mut self, array: usize, spans: usize);

    /// What is written so far.
    fn mark(&self) -> Mark;

    /// Takes back what was written since then.
    fn back_to(&mut self, mark: Mark);
}

/// How much was written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    pub(super) bytes: usize,
    /// The bytes of strings, where they are not among the others.
    pub(super) string_bytes: usize,
    /// How many strings have a number.
    pub(super) strings: usize,
}

impl Mark {
    pub(super) fn len(self) -> usize {
        self.bytes + self.string_bytes
    }
}

/// What is the same for all chunks.
#[derive(Debug)]
pub(crate) struct Common {
    pub(super) process: Process,
    /// The rules that keep single spans of dropped traces.
    pub(super) span_sampler: Arc<SpanSampler>,
    /// `_dd.tracer_kr`.
    pub(crate) keep_rate: f64,
    /// Whether the agent takes `span_events`.
    pub(crate) native_events: bool,
    pub(super) repeated: Repeated,
}

/// Writes the spans of one chunk. It has what these spans share.
pub(super) struct SpanWriter<'a> {
    pub(super) segment: &'a Segment,
    pub(super) decision: Option<SamplingDecision>,
    pub(super) common: &'a Common,
}
