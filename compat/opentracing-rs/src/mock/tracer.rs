//! The mock tracer.

use std::sync::Arc;
use std::time::SystemTime;

use super::codec;
use super::context::MockContext;
use super::span_handle::SpanHandle;
use super::store::{MockReference, MockSpan, SpanStore};
use crate::backend::{ExtractFrom, InjectInto, ScopeManagerBackend, SpanBackend, TracerBackend};
use crate::{
    Error, Reference, ReferenceType, SpanContext, StartOptions, ThreadLocalScopeManager, Tracer,
};

/// A tracer that keeps its spans, to be asked for them by a test.
///
/// A cheap handle: clones are the same tracer. Every format but custom ones is supported; what is written
/// (`mock-trace-id`, `mock-span-id`, `mock-baggage-*`) is for tests only.
///
/// ```
/// use opentracing_rs::mock::MockTracer;
///
/// let mock = MockTracer::new();
/// let tracer = mock.tracer();
/// tracer.in_span("outer", |_| tracer.start_span("inner").finish());
/// let names: Vec<_> = mock.finished_spans().into_iter().map(|span| span.operation_name).collect();
/// assert_eq!(names, ["inner", "outer"]);
/// ```
#[derive(Clone, Debug)]
pub struct MockTracer {
    store: Arc<SpanStore>,
    scopes: Arc<dyn ScopeManagerBackend>,
}

impl Default for MockTracer {
    fn default() -> Self {
        Self::new()
    }
}

impl MockTracer {
    /// A tracer without spans, which keeps the active ones by thread.
    #[must_use]
    pub fn new() -> Self {
        MockTracer::with_scope_manager(Arc::new(ThreadLocalScopeManager::new()))
    }

    /// A tracer without spans, which keeps the active ones elsewhere.
    #[must_use]
    pub fn with_scope_manager(scopes: Arc<dyn ScopeManagerBackend>) -> Self {
        MockTracer { store: Arc::default(), scopes }
    }

    /// The tracer to give to the code under test.
    #[must_use]
    pub fn tracer(&self) -> Tracer {
        Tracer::new(self.clone())
    }

    /// The spans that were finished since the last [`MockTracer::reset`], in the order in which they were.
    #[must_use]
    pub fn finished_spans(&self) -> Vec<MockSpan> {
        self.store.lock().finished.clone()
    }

    /// The spans that are open, in the order in which they were started. At the end of a test there should
    /// be none.
    #[must_use]
    pub fn open_spans(&self) -> Vec<MockSpan> {
        self.store.lock().open.values().cloned().collect()
    }

    /// What was done to spans after they were finished: a change, or finishing once more. None of it had
    /// an effect.
    #[must_use]
    pub fn misuses(&self) -> Vec<String> {
        self.store.lock().misuses.clone()
    }

    /// Forgets the finished spans and the misuses. Open spans go on, and ids are not given again.
    pub fn reset(&self) {
        let mut spans = self.store.lock();
        spans.finished.clear();
        spans.misuses.clear();
    }
}

impl TracerBackend for MockTracer {
    fn start_span(&self, tracer: &Tracer, options: StartOptions<'_>) -> Arc<dyn SpanBackend> {
        // What another tracer made has no meaning here.
        let known = |cause: &Reference| {
            let context = cause.context().downcast_ref::<MockContext>()?;
            Some((cause.kind(), context.clone()))
        };
        let mut causes: Vec<(ReferenceType, MockContext)> =
            options.references().filter_map(known).collect();
        if causes.is_empty() && !options.ignores_active_span() {
            let active = self.scopes.active_span(tracer);
            causes.extend(active.and_then(|active| known(&Reference::child_of(&active))));
        }
        let references = causes.iter().map(|(kind, to)| MockReference {
            kind: *kind,
            trace_id: to.trace_id,
            span_id: to.span_id,
        });
        let parent = causes.first().map(|(_, parent)| parent);
        let tags = options.tags().iter();
        let tags = tags.map(|(key, value)| (key.to_string(), value.clone().into_owned()));

        let span_id = self.store.lock().new_id();
        let trace_id = parent.map_or(span_id, |parent| parent.trace_id);
        let baggage = parent.map(|parent| parent.baggage.clone()).unwrap_or_default();
        let context = MockContext { trace_id, span_id, baggage: baggage.clone() };
        let span = MockSpan {
            trace_id,
            span_id,
            parent_id: parent.map(|parent| parent.span_id),
            operation_name: options.operation_name().to_owned(),
            references: references.collect(),
            tags: tags.collect(),
            logs: Vec::new(),
            baggage,
            start_time: options.start_time().unwrap_or_else(SystemTime::now),
            finish_time: None,
        };
        self.store.lock().open.insert(span_id, span);
        Arc::new(SpanHandle::new(Arc::clone(&self.store), context))
    }

    fn scope_manager(&self) -> &dyn ScopeManagerBackend {
        &*self.scopes
    }

    fn inject(&self, context: &SpanContext, carrier: InjectInto<'_>) -> Result<(), Error> {
        if let InjectInto::Custom(..) = carrier {
            return Err(Error::unsupported_format(carrier.format()));
        }
        if context.is_empty() {
            return Ok(());
        }
        let context = context.downcast_ref().ok_or_else(Error::foreign_span_context)?;
        match carrier {
            InjectInto::TextMap(carrier) => codec::write_text(context, carrier, str::to_owned),
            InjectInto::HttpHeaders(carrier) => codec::write_text(context, carrier, codec::escape),
            InjectInto::Binary(bytes) => codec::write_binary(context, bytes),
            InjectInto::Custom(..) => {}
        }
        Ok(())
    }

    fn extract(&self, carrier: ExtractFrom<'_>) -> Result<Option<SpanContext>, Error> {
        let context = match carrier {
            ExtractFrom::TextMap(carrier) => {
                codec::read_text(carrier, |text| Some(text.to_owned()))?
            }
            ExtractFrom::HttpHeaders(carrier) => codec::read_text(carrier, codec::unescape)?,
            ExtractFrom::Binary(bytes) => codec::read_binary(bytes)?,
            ExtractFrom::Custom(..) => return Err(Error::unsupported_format(carrier.format())),
        };
        Ok(context.map(SpanContext::new))
    }
}
