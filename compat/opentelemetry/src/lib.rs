//! OpenTelemetry's tracing API on the Tracehound core.
//!
//! Spans made through `opentelemetry` are Datadog spans from the start: no OpenTelemetry SDK, no conversion,
//! no second exporter. They share the active context with native spans, so both kinds mix in one trace: a
//! native span is the parent of an OpenTelemetry one and the reverse, across threads and `.await`, and each
//! API sees and changes what the other has made active.
//!
//! ```no_run
//! use opentelemetry::trace::{TraceContextExt, Tracer};
//! use opentelemetry::{KeyValue, global};
//!
//! fn main() {
//!     let _guard = tracehound::init();
//!     tracehound_opentelemetry::install();
//!
//!     let _request = tracehound::trace("web.request");
//!     global::tracer("checkout").in_span("charge", |cx| {
//!         cx.span().set_attribute(KeyValue::new("order.id", 42));
//!         // The same span, natively:
//!         tracehound::current_span().unwrap().set_tag("order.total", 99.5);
//!     });
//! }
//! ```
//!
//! # What becomes of an OpenTelemetry span
//!
//! | OpenTelemetry | Datadog |
//! | --- | --- |
//! | name | resource; `update_name` changes it |
//! | kind and semantic attributes | operation name and type, worked out when they are needed |
//! | attributes | tags: text and booleans in `meta`, numbers in `metrics`, arrays as `key.0`, `key.1` |
//! | `service.name`, `resource.name`, `operation.name`, `span.type`, `analytics.event` | the field of that name |
//! | `http.response.status_code` | `http.status_code`, as text |
//! | `manual.keep`, `manual.drop`, `sampling.priority` | the sampling decision of the trace |
//! | status `Error` | `error`, `error.message`; `Ok` is final and clears it |
//! | an `exception` event | the event, and `error.message`, `error.type`, `error.stack` |
//! | links, events | links, events |
//!
//! Every recorded span is sent: sampling is the agent's and the rules', at the end, when all is known.

mod attributes;
mod context_store;
mod install;
mod keys;
mod live;
mod naming;
mod propagator;
mod provider;
mod remote;
mod span;
mod tracer;

pub use context_store::share_context;
pub use install::install;
pub use propagator::Propagator;
pub use provider::TracerProvider;
pub use span::Span;
pub use tracer::Tracer;
