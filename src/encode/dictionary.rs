//! What the encoder knows of the strings of the payload that it writes (v0.5, v1.0).

use super::msgpack::Buffer;
use super::strings::Strings;
use super::tag_writer::Taken;

/// The strings of one payload, and what is written often with their numbers. Its memory is used for all payloads.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    pub(super) strings: Strings,
    /// The number of the service of spans without one of their own; 0 where it is not known yet.
    pub(super) service: u32,
    /// The tags that spans of the tracer's service repeat, and those that others do.
    of_tracer: Lines,
    of_others: Lines,
    /// The keys of the tracer's tags of the span that is being written.
    pub(super) taken: Taken,
    /// Numeric tags of that span, where they come after the others.
    pub(super) numbers: Buffer,
}

/// Tags that all spans repeat, with numbers for their strings.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Their strings are in the payload: the first span with them has written them out.
    pub(super) are_known: bool,
    /// Those with fields of their own.
    pub(super) fields: Buffer,
    pub(super) field_count: usize,
    pub(super) tags: Buffer,
    pub(super) tag_count: usize,
}

impl Dictionary {
    /// Begins another payload.
    pub(super) fn clear(&mut self) {
        self.strings.clear();
        self.forget();
    }

    /// Takes back all strings but the first so many.
    pub(super) fn truncate(&mut self, strings: usize) {
        if strings < self.strings.len() {
            self.strings.truncate(strings);
            self.forget();
        }
    }

    /// The tracer is another one, or its tags have changed.
    pub(super) fn forget(&mut self) {
        self.service = 0;
        (self.of_tracer.are_known, self.of_others.are_known) = (false, false);
    }

    pub(super) fn lines(&mut self, are_of_tracer: bool) -> &mut Lines {
        if are_of_tracer { &mut self.of_tracer } else { &mut self.of_others }
    }

    /// The number of a string that is in the payload; `None` where it was not found.
    pub(super) fn known(&mut self, text: &[u8], payload: &Buffer) -> Option<u32> {
        self.strings.find(text, payload.as_bytes()).ok()
    }
}
