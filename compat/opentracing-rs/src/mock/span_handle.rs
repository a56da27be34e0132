//! A span of the mock tracer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::context::MockContext;
use super::store::{MockLog, SpanStore};
use crate::backend::SpanBackend;
use crate::{SpanContext, Value};

#[derive(Debug)]
pub(super) struct SpanHandle {
    store: Arc<SpanStore>,
    /// Outlives the record, which is moved or cleared when the span is finished.
    context: Mutex<MockContext>,
    id: u64,
}

impl SpanHandle {
    pub(super) fn new(store: Arc<SpanStore>, context: MockContext) -> Self {
        SpanHandle { store, id: context.span_id, context: Mutex::new(context) }
    }

    fn own_context(&self) -> MutexGuard<'_, MockContext> {
        self.context.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Values are converted before the lock: the text of an error is the user's code.
impl SpanBackend for SpanHandle {
    fn context(&self) -> SpanContext {
        SpanContext::new(self.own_context().clone())
    }

    fn set_operation_name(&self, name: &str) {
        self.store
            .lock()
            .edit(self.id, "set_operation_name", |span| name.clone_into(&mut span.operation_name));
    }

    fn set_tag(&self, key: &str, value: Value<'_>) {
        let value = value.into_owned();
        self.store.lock().edit(self.id, "set_tag", |span| {
            span.tags.insert(key.to_owned(), value);
        });
    }

    fn log(&self, fields: &[(&str, Value<'_>)], at: Option<SystemTime>) {
        let timestamp = at.unwrap_or_else(SystemTime::now);
        let owned =
            |(key, value): &(&str, Value<'_>)| ((*key).to_owned(), value.clone().into_owned());
        let log = MockLog { timestamp, fields: fields.iter().map(owned).collect() };
        self.store.lock().edit(self.id, "log", |span| span.logs.push(log));
    }

    fn set_baggage_item(&self, key: &str, value: &str) {
        let mut context = self.own_context();
        let is_open = self
            .store
            .lock()
            .edit(self.id, "set_baggage_item", |span| span.baggage.set(key, value));
        if is_open {
            context.baggage.set(key, value);
        }
    }

    fn finish(&self, at: Option<SystemTime>) {
        let at = at.unwrap_or_else(SystemTime::now);
        self.store.lock().finish(self.id, at);
    }
}
