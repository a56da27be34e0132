//! Errors and values of which nothing is known but how they are written.

use std::fmt;

use super::builder::SpanBuilder;
use super::failure::{Failure, text_of};
use crate::text::Text;
use crate::trace::store::SpanRef;
use crate::trace::values::TagValue;

impl SpanRef {
    /// Marks the span as an error that is no `std::error::Error`: by its type and what it writes.
    pub(crate) fn set_shown_error(&self, kind: &'static str, shown: fmt::Arguments<'_>) {
        let Some(at) = self.at.as_ref().filter(|at| at.is_open()) else { return };
        let message = text_of(&at.segment.shared.diag, shown).into();
        let failure = Failure { message, kind: Some(kind.into()), stack: None };
        at.edit(|record, tags| failure.apply(record, tags));
    }

    /// Sets a tag to what a value writes.
    pub(crate) fn set_shown_tag(&self, key: Text, shown: fmt::Arguments<'_>) {
        let Some(at) = self.at.as_ref().filter(|at| at.is_open()) else { return };
        self.set_tag(key, text_of(&at.segment.shared.diag, shown));
    }
}

impl SpanBuilder<'_> {
    /// A tag with what a value writes.
    pub(crate) fn shown_tag(self, key: Text, shown: fmt::Arguments<'_>) -> Self {
        self.with(|plan, shared| {
            let text = text_of(&shared.diag, shown);
            plan.set_tag(key, TagValue::Text(text.into()), shared);
        })
    }
}
