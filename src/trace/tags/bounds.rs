//! How much the spans of one trace may hold beside their records.
//!
//! This bounds how long a trace is locked, too. The longest stays are those in which a vector, the texts or the index of
//! tags grow to twice their size: under 0.1 ms in a trace of 8,000 tags, 2 ms in one of 65,000, and 11 ms at the 260,000
//! that the usual bound of 20 MiB lets in.

/// What may come in beside what was last looked at, before it is looked at again: so nearly all changes cost one
/// comparison. The bound is kept up to three times this.
const STEP: usize = 64 * 1024;

/// What an open trace may gather before what has finished of it is sent, beside the usual number of spans: about what
/// makes a payload.
const FLUSH_BYTES: usize = 1024 * 1024;

/// Bytes of text that the tags of one trace hold together; further texts are held one by one.
const MAX_TEXTS: usize = 1 << 30;

/// The bounds of one trace, and marks at which somebody has to compare with them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Bytes that the spans may hold beside their records.
    pub(crate) most: usize,
    /// With so many a part of the trace should be sent.
    flush_at: usize,
    pub(crate) is_flush_due: bool,
    /// Marks for what is counted apart: of single values, of texts that stand together, and of late tags.
    pub(crate) values: usize,
    pub(crate) texts: usize,
    pub(crate) late: usize,
}

impl Bounds {
    /// None but the one of texts.
    pub(crate) const NONE: Bounds = Bounds {
        most: usize::MAX,
        flush_at: usize::MAX,
        is_flush_due: false,
        values: usize::MAX,
        texts: MAX_TEXTS,
        late: usize::MAX,
    };

    /// For a trace that may hold so much beside the room that it begins with, of which some counts as values.
    #[inline]
    pub(crate) fn new(room: usize, values: usize, most: usize) -> Self {
        let step = STEP.min(most / 8);
        Bounds {
            most: room.saturating_add(most),
            flush_at: room.saturating_add(FLUSH_BYTES),
            is_flush_due: false,
            values: values.saturating_add(step),
            texts: step,
            late: step,
        }
    }

    /// Whether the trace may hold so much.
    pub(super) fn admit(&mut self, held: usize) -> bool {
        self.is_flush_due |= held >= self.flush_at;
        held <= self.most
    }

    /// Whether it holds so much that no further span should begin in it: twice what others' changes may bring it to,
    /// because of what spans begin with.
    pub(crate) fn is_exceeded(&self, held: usize) -> bool {
        held / 2 > self.most
    }

    /// Looks again when there is a step more of any.
    pub(crate) fn mark(&mut self, values: usize, texts: usize, late: usize) {
        let step = STEP.min(self.most / 8);
        self.values = values.saturating_add(step);
        self.texts = texts.saturating_add(step).min(MAX_TEXTS);
        self.late = late.saturating_add(step);
    }

    /// After a part was sent, when so much has stayed: a split costs what stays.
    pub(crate) fn flushed(&mut self, held: usize) {
        self.flush_at = self.flush_at.max(held.saturating_mul(2));
        self.is_flush_due = false;
    }
}
