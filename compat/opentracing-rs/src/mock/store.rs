//! The spans of a mock tracer: the open ones, the finished ones, and what was done to them too late.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::{Baggage, OwnedValue, ReferenceType};

/// A copy of a span of the [`MockTracer`](super::MockTracer), as it was when it was asked for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MockSpan {
    /// The trace: the id of its root, or what came from elsewhere.
    pub trace_id: u64,
    /// The span's own id.
    pub span_id: u64,
    /// The id of the parent; `None` for the root of a trace.
    pub parent_id: Option<u64>,
    /// The name of the work.
    pub operation_name: String,
    /// What caused the span: the parent first, whether it was named or active.
    pub references: Vec<MockReference>,
    /// The tags.
    pub tags: BTreeMap<String, OwnedValue>,
    /// The logs, in the order in which they were added.
    pub logs: Vec<MockLog>,
    /// The baggage.
    pub baggage: Baggage,
    /// When it started.
    pub start_time: SystemTime,
    /// When it was finished; `None` for an open one.
    pub finish_time: Option<SystemTime>,
}

/// A reference of a [`MockSpan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MockReference {
    /// In which way.
    pub kind: ReferenceType,
    /// The trace that it leads to.
    pub trace_id: u64,
    /// The span that it leads to.
    pub span_id: u64,
}

/// A log of a [`MockSpan`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MockLog {
    /// The time that was given, or that of the call.
    pub timestamp: SystemTime,
    /// The fields, in their order.
    pub fields: Vec<(String, OwnedValue)>,
}

impl MockSpan {
    /// A tag.
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<&OwnedValue> {
        self.tags.get(key)
    }
}

impl MockLog {
    /// The first field of a name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&OwnedValue> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

/// What the spans of a tracer share with it.
#[derive(Debug, Default)]
pub(super) struct SpanStore(Mutex<Spans>);

#[derive(Debug, Default)]
pub(super) struct Spans {
    last_id: u64,
    pub(super) open: BTreeMap<u64, MockSpan>,
    pub(super) finished: Vec<MockSpan>,
    pub(super) misuses: Vec<String>,
}

impl SpanStore {
    /// Nothing of the user's runs while it is locked; a poisoned lock holds whole data.
    pub(super) fn lock(&self) -> MutexGuard<'_, Spans> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spans {
    pub(super) fn new_id(&mut self) -> u64 {
        self.last_id = self.last_id.wrapping_add(1);
        self.last_id
    }

    /// Changes a span that is open; for another one, notes what was tried.
    pub(super) fn edit(&mut self, id: u64, what: &str, change: impl FnOnce(&mut MockSpan)) -> bool {
        match self.open.get_mut(&id) {
            Some(span) => change(span),
            None => self.misuses.push(format!("{what} after span {id} was finished")),
        }
        self.open.contains_key(&id)
    }

    pub(super) fn finish(&mut self, id: u64, at: SystemTime) {
        match self.open.remove(&id) {
            Some(mut span) => {
                span.finish_time = Some(at);
                self.finished.push(span);
            }
            None => self.misuses.push(format!("span {id} was finished twice")),
        }
    }
}
