//! One span, as the segment keeps it.

use std::fmt;
use std::sync::Arc;

use super::baggage::Baggage;
use super::extras::Extras;
use super::tags::{TagList, Tags};
use super::view::SpanView;
use crate::clock::Ticks;
use crate::id::SpanId;
use crate::text::Text;

/// The side of an exchange a span stands for: the tag `span.kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SpanKind {
    /// Work inside the process.
    Internal,
    /// Answers a request from elsewhere.
    Server,
    /// Sends a request elsewhere and waits.
    Client,
    /// Sends a message and does not wait.
    Producer,
    /// Handles a message.
    Consumer,
}

impl SpanKind {
    /// The value of `span.kind`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            SpanKind::Internal => "internal",
            SpanKind::Server => "server",
            SpanKind::Client => "client",
            SpanKind::Producer => "producer",
            SpanKind::Consumer => "consumer",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [
            SpanKind::Internal,
            SpanKind::Server,
            SpanKind::Client,
            SpanKind::Producer,
            SpanKind::Consumer,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for SpanKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names that follow from tags which may still change: worked out when they are first needed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LateNames {
    /// The operation name.
    pub name: Text,
    /// The span type, where the tags imply one.
    pub span_type: Option<Text>,
}

/// Works the names of a span out of its other fields and tags.
///
/// A plain function, so that it costs a span one word; it may run on any thread, under the lock of the
/// trace, and so must not touch spans.
pub type NamingFn = fn(&SpanView<'_>) -> LateNames;

/// Who chose the service of a span: the tag `_dd.svc_src`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ServiceSource {
    /// The configuration, or the parent did.
    #[default]
    Inherited,
    /// The user, who named the tracer's own again below another one.
    Own,
    /// The user, through the API.
    Manual,
    /// `DD_SERVICE_MAPPING`.
    Mapping,
}

/// One span. Absent means default: no service is the tracer's, no resource is the name.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// `None` in a slot that is free.
    pub(crate) id: Option<SpanId>,
    pub(crate) parent: Option<SpanId>,
    pub(crate) start: Ticks,
    /// Nanoseconds; negative while the span is open.
    pub(crate) duration: i64,
    pub(crate) name: Text,
    pub(crate) service: Option<Text>,
    pub(crate) resource: Option<Text>,
    pub(crate) span_type: Option<Text>,
    pub(crate) naming: Option<NamingFn>,
    pub(crate) tags: TagList,
    pub(crate) baggage: Option<Arc<Baggage>>,
    pub(crate) extras: Option<Box<Extras>>,
    pub(crate) kind: Option<SpanKind>,
    pub(crate) service_source: ServiceSource,
    pub(crate) error: bool,
    /// What a bridge keeps with the span; see [`SpanRef::update_note`](crate::SpanRef::update_note).
    pub(crate) note: u8,
    /// Which of the tags that describe an error came with its message: [`Failure::describe`](super::failure::Failure).
    pub(crate) described: u8,
    /// First span of the trace in this process.
    pub(crate) local_root: bool,
    /// Of a finished span, where an open one above it was last found; zero where nobody has looked.
    pub(crate) above: Above,
    /// Its baggage is a copy of its own, and counted for it.
    pub(crate) owns_baggage: bool,
    /// In the account already, though it is open or has not been handed off: the tracer has ended.
    pub(crate) is_counted: bool,
    /// `_dd.top_level`; known when the span finishes.
    pub(crate) top_level: bool,
}

/// The slot of an ancestor that was open, and two more; [`Above::NOTHING`] where none of them was.
///
/// It holds as long as the record is here: a finished span leaves with the next part of its trace, and only then slots
/// become free for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Above(pub(crate) u32);

impl Above {
    pub(crate) const NOTHING: Above = Above(1);

    pub(crate) fn slot(self) -> Option<u32> {
        self.0.checked_sub(2)
    }
}

/// "Still open", in [`Record::duration`].
pub(crate) const OPEN: i64 = -1;

impl Record {
    /// What a free slot holds.
    pub(crate) const VACANT: Record = Record {
        id: None,
        parent: None,
        start: Ticks(0),
        duration: 0,
        name: Text::EMPTY,
        service: None,
        resource: None,
        span_type: None,
        naming: None,
        tags: TagList::EMPTY,
        baggage: None,
        extras: None,
        kind: None,
        service_source: ServiceSource::Inherited,
        error: false,
        note: 0,
        described: 0,
        local_root: false,
        above: Above(0),
        owns_baggage: false,
        is_counted: false,
        top_level: false,
    };

    pub(crate) fn is_open(&self) -> bool {
        self.id.is_some() && self.duration < 0
    }

    /// What it holds on the heap beside its tags.
    pub(crate) fn heap_bytes(&self) -> usize {
        let texts = [&self.service, &self.resource, &self.span_type].into_iter().flatten();
        let texts =
            texts.fold(self.name.heap_bytes(), |sum, text| sum.saturating_add(text.heap_bytes()));
        let extras = self.extras.as_ref().map_or(0, |extras| extras.bytes());
        texts.saturating_add(extras).saturating_add(self.baggage_bytes())
    }

    /// What its baggage holds, where it is counted for this span.
    pub(crate) fn baggage_bytes(&self) -> usize {
        let own = self.baggage.as_ref().filter(|_| self.owns_baggage);
        own.map_or(0, |baggage| baggage.bytes())
    }

    /// Changes its baggage, which may be shared with others and is theirs as it was.
    pub(crate) fn change_baggage(
        &mut self,
        tags: &mut Tags,
        change: impl FnOnce(&mut Baggage) -> bool,
    ) {
        let shared = self.baggage.get_or_insert_default();
        let before = match Arc::get_mut(shared) {
            Some(own) if self.owns_baggage => own.bytes(),
            // A copy comes to be, and what is there stays with others.
            _ => 0,
        };
        let own = Arc::make_mut(shared);
        let done = change(own);
        let after = own.bytes();
        self.owns_baggage = true;
        tags.let_go(before);
        tags.hold(after);
        if !done {
            tags.refuse(&mut self.tags);
        }
    }

    pub(crate) fn extras_mut(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_stays_within_three_cache_lines() {
        assert!(size_of::<Record>() <= 192, "{}", size_of::<Record>());
    }
}
