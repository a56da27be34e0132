//! How much the spans of one trace may hold beside their records.
//!
//! This also bounds how long a trace stays locked. It is locked longest where a vector, the texts or the index of tags
//! grow to twice their size: under 0.1 ms in a trace of 8,000 tags, 2 ms in one of 65,000, and 11 ms at the 260,000 that
//! the usual bound of 20 MiB allows.

/// How much may be added before everything is summed up and compared with the bound again. So nearly every change costs
/// one comparison. A trace may exceed its bound by up to three times this.
const STEP: usize = 64 * 1024;

/// How much an open trace may hold before its finished spans are sent, even where these are few: about what makes a
/// payload.
const FLUSH_BYTES: usize = 1024 * 1024;

/// Bytes that the shared texts of one trace have at the most. Further texts have an allocation each.
const MAX_TEXTS: usize = 1 << 30;

/// The bounds of one trace, and the marks at which they are checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Bytes that the spans may hold beside their records.
    pub(super) most: usize,
    /// From this many bytes on a partial flush is due.
    flush_at: usize,
    pub(super) is_flush_due: bool,
    /// The marks for three separate sums: what values and fields of spans hold, shared texts, and deferred tags.
    pub(super) values: usize,
    pub(super) texts: usize,
    pub(super) deferred: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds::NONE
    }
}

impl Bounds {
    /// No bound but that of the shared texts.
    pub(super) const NONE: Bounds = Bounds {
        most: usize::MAX,
        flush_at: usize::MAX,
        is_flush_due: false,
        values: usize::MAX,
        texts: MAX_TEXTS,
        deferred: usize::MAX,
    };

    /// The bounds of an empty trace that may hold `most` bytes beside the `unused` ones that are allocated already;
    /// `values` of these count as values.
    #[inline]
    pub(super) fn new(unused: usize, values: usize, most: usize) -> Self {
        let step = STEP.min(most / 8);
        Bounds {
            most: unused.saturating_add(most),
            flush_at: unused + FLUSH_BYTES,
            is_flush_due: false,
            values: values + step,
            texts: step,
            deferred: step,
        }
    }

    /// Whether the trace may hold so many bytes.
    pub(super) fn admit(&mut self, held: usize) -> bool {
        self.is_flush_due |= held >= self.flush_at;
        held <= self.most
    }

    /// Whether the trace holds so much that no further span should begin in it. That is twice the bound, because spans
    /// begin with something, which the bound does not refuse.
    pub(super) fn is_exceeded(&self, held: usize) -> bool {
        held / 2 > self.most
    }

    /// Moves each mark to one step above what is held now.
    pub(super) fn mark(&mut self, values: usize, texts: usize, deferred: usize) {
        let step = STEP.min(self.most / 8);
        self.values = values + step;
        self.texts = (texts + step).min(MAX_TEXTS);
        self.deferred = deferred.saturating_add(step);
    }

    /// To be called after a partial flush, with what has stayed. The next one waits until twice as much is held, because
    /// its cost is that of moving what stays.
    pub(super) fn flushed(&mut self, held: usize) {
        self.flush_at = self.flush_at.max(held.saturating_mul(2));
        self.is_flush_due = false;
    }
}
