//! What the first versions of Datadog's tracers called things: each says what to use instead.

use super::handle::Tracer;

impl Tracer {
    /// Told the agent the application and its type for a service: the agent does not take that any more, and nothing is
    /// sent. A line says so, once.
    ///
    /// What it was for is had otherwise: the type of the work (`web`, `sql`, `cache`) is that of each span
    /// ([`SpanRef::set_type`](crate::SpanRef::set_type), [`SpanBuilder::span_type`](crate::SpanBuilder::span_type)), and
    /// the name of a service that of the tracer or of the span.
    #[deprecated(
        note = "the agent does not take it any more, and it has no effect; say the type on each span: `span.set_type(\"web\")`"
    )]
    pub fn set_service_info(&self, service: &str, app: &str, app_type: &str) {
        self.warn_once("set_service_info", || {
            format!(
                "set_service_info({service:?}, {app:?}, {app_type:?}) has no effect: the agent does not take it any \
                 more; say the type on each span (`span.set_type({app_type:?})`)"
            )
        });
    }

    /// Whether the tracer says what it does, from now on; see [`TracerBuilder::debug`](crate::TracerBuilder::debug).
    #[deprecated(
        note = "set DD_TRACE_DEBUG, or `Tracer::builder().debug(true)`, which holds from the start"
    )]
    #[doc(alias = "debug_logging")]
    pub fn set_debug_logging(&self, debug: bool) {
        if let Some(shared) = self.shared() {
            shared.diag.set_debug(debug);
        }
    }
}
