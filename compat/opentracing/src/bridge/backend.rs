//! Starting spans, and carrying contexts over borders.

use std::sync::Arc;

use opentracing_rs::backend::{
    ExtractFrom, InjectInto, ScopeManagerBackend, SpanBackend, TracerBackend,
};
use opentracing_rs::{Error, ReferenceType, SpanContext as OtContext, StartOptions};
use tracehound::config::{Config, ExtractBehavior};
use tracehound::{ActiveContext as NativeContext, SpanContext, Text, Tracer};

use super::carrier::{self, Charset, Reader};
use super::context::{self, Context};
use super::scope_manager::ScopeManager;
use super::span::Span;
use super::tags;

/// What OpenTracing's handles of a tracer hold.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) native: Tracer,
    /// Of every span that this tracer starts, whatever its parent's.
    pub(crate) service: Text,
    scopes: ScopeManager,
}

impl Backend {
    pub(crate) fn new(native: Tracer, service: &str) -> Self {
        let scopes = ScopeManager::new(native.clone());
        // Shared, so that a span takes it by a reference count.
        Backend { native, service: Arc::<str>::from(service).into(), scopes }
    }

    fn writes_headers(&self) -> bool {
        self.native.config().is_some_and(|config| !config.inject_styles().is_empty())
    }

    fn reads_headers(&self) -> bool {
        let reads = |config: &Config| {
            config.extract_behavior() != ExtractBehavior::Ignore
                && !config.extract_styles().is_empty()
        };
        self.native.config().is_some_and(reads)
    }
}

impl TracerBackend for Backend {
    fn start_span(
        &self,
        _: &opentracing_rs::Tracer,
        options: StartOptions<'_>,
    ) -> Arc<dyn SpanBackend> {
        // What another tracer made has no meaning here.
        let mut causes = options
            .references()
            .filter_map(|cause| Some((cause.kind(), Context::of(cause.context())?)));
        let first = causes.next();
        let parent = match first {
            Some((_, context)) => Some(context.as_parent()),
            None if options.ignores_active_span() => Some(NativeContext::empty()),
            None => None,
        };

        let name = Text::copy(options.operation_name());
        let mut builder = self.native.span(name).service(self.service.clone());
        if let Some(parent) = &parent {
            builder = builder.child_of(parent);
        }
        if let Some(start) = options.start_time() {
            builder = builder.start_time(start);
        }
        for (key, value) in options.tags() {
            builder = builder.tag(tags::native_key(key), tags::native_value(value));
        }
        let span = builder.start().detach();
        if span.is_none() {
            return Arc::new(Span::none(parent.unwrap_or_else(|| self.native.context())));
        }
        // That the parent is a span that this one follows from is not said by being its child.
        let follows = first.filter(|(kind, _)| *kind != ReferenceType::ChildOf);
        for (kind, context) in follows.into_iter().chain(causes) {
            if let Some(link) = context.link(kind) {
                span.add_link(link);
            }
        }
        Arc::new(Span::new(span))
    }

    fn scope_manager(&self) -> &dyn ScopeManagerBackend {
        &self.scopes
    }

    fn inject(&self, context: &OtContext, carrier: InjectInto<'_>) -> Result<(), Error> {
        let (carrier, charset) = match carrier {
            InjectInto::TextMap(carrier) => (carrier, Charset::Any),
            InjectInto::HttpHeaders(carrier) => (carrier, Charset::Http),
            other => return Err(Error::unsupported_format(other.format())),
        };
        if context.is_empty() {
            return Ok(());
        }
        let context = Context::of(context).ok_or_else(Error::foreign_span_context)?;
        let mut set = |name: &str, value: String| carrier.set(name, &value);
        self.native.inject_context(&context.as_parent(), &mut set);
        if let Some(baggage) = context.native_baggage().filter(|_| self.writes_headers()) {
            carrier::write(baggage, charset, carrier);
        }
        Ok(())
    }

    fn extract(&self, carrier: ExtractFrom<'_>) -> Result<Option<OtContext>, Error> {
        let (ExtractFrom::TextMap(carrier) | ExtractFrom::HttpHeaders(carrier)) = carrier else {
            return Err(Error::unsupported_format(carrier.format()));
        };
        let mut found = self.native.extract(&Reader(carrier));
        if self.reads_headers() {
            let known = found.as_ref().and_then(SpanContext::baggage);
            let mut baggage = known.cloned().unwrap_or_default();
            if carrier::read(carrier, &mut baggage) {
                found = Some(match found {
                    Some(context) => context.with_baggage(baggage),
                    None => SpanContext::baggage_only(baggage),
                });
            }
        }
        Ok(found.map(|context| context::of_native(context.into())))
    }
}
