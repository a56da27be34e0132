//! OpenTelemetry's tracing API on the Tracehound core.
//!
//! Spans made through `opentelemetry` are Datadog spans from the start: no OpenTelemetry SDK, no conversion,
//! no second exporter. They share the active context with native spans, so both kinds mix in one trace: a
//! native span is the parent of an OpenTelemetry one and the reverse, across threads and `.await`, and each
//! API sees and changes what the other has made active. What is built on OpenTelemetry's API works the same,
//! `tracing-opentelemetry` and its `OpenTelemetryLayer` among it.
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
//! [`install`] is for programs. A test, or a program with a tracer of its own, leaves the global provider
//! alone and takes [`TracerProvider::new`] and [`share_context`].
//!
//! A program that keeps OpenTelemetry's SDK changes the exporter only: with the feature `sdk`, `SpanExporter`
//! takes the place of an OTLP exporter, and `Sampler` that of the SDK's. The rest of this page is about spans
//! without the SDK; the exporter's own says what is different there.
//!
//! # What becomes of an OpenTelemetry span
//!
//! | OpenTelemetry | Datadog |
//! | --- | --- |
//! | trace id, span id | the same ids, all 128 bits of the one and 64 of the other |
//! | name | resource; `update_name` changes it |
//! | kind | the tag `span.kind` |
//! | kind and semantic attributes | operation name and type, worked out when they are needed: see below |
//! | attributes | tags: text and booleans in `meta`, numbers in `metrics`, arrays as `key.0`, `key.1` |
//! | `service.name`, `resource.name`, `operation.name`, `span.type`, `span.kind` | the field of that name |
//! | `http.response.status_code` | `http.status_code`, as text |
//! | `analytics.event` | `_dd1.sr.eausr` |
//! | `manual.keep`, `manual.drop`, `sampling.priority` | the sampling decision of the trace |
//! | status `Error` | `error` and `error.message` |
//! | status `Ok` | no error; final, also against a panic |
//! | an `exception` event, `record_error` | the event, and `error.message`, `error.type`, `error.stack`; the span is not marked |
//! | attributes `exception.*` of the span, and `error` with a text | also `error.message`, `error.type`, `error.stack` |
//! | an event with the `level` `ERROR`, as `tracing` makes them | also `error.message`, where nothing says more |
//! | links, events | links, events |
//! | a span dropped or ended by a panic | an error |
//! | instrumentation scope | `otel.scope.name`, `otel.scope.version` and its attributes, on a span whose parent is not of the same scope |
//! | resource attributes | service, environment, version, tags of every span: see [`ResourceExt`] |
//! | baggage | baggage, one for both |
//!
//! A span keeps 128 events and 128 links, with 128 attributes each, and as many attributes of its own as it is
//! given; [`SpanLimits`] and OpenTelemetry's variables change that. What is beyond is counted on the span.
//!
//! Integers beyond ±2^53, which a Datadog metric cannot hold exactly, become text; NaN and infinities are
//! dropped, and so are links to nowhere. Whatever is done after a span has ended is ignored, whichever API
//! ended it.
//!
//! The operation name is the first that applies; it is in lower case:
//!
//! | attributes (old and new semantic conventions) | kind | operation name |
//! | --- | --- | --- |
//! | `operation.name` | any | its value |
//! | `http.request.method` | server, client | `http.server.request`, `http.client.request` |
//! | `db.system` | client | `<system>.query` |
//! | `messaging.system` and `messaging.operation` | all but internal | `<system>.<operation>` |
//! | `rpc.system` = `aws-api` | client | `aws.<rpc.service>.request`, `aws.client.request` |
//! | `rpc.system` | client, server | `<system>.client.request`, `<system>.server.request` |
//! | `faas.invoked_provider` and `faas.invoked_name` | client | `<provider>.<name>.invoke` |
//! | `faas.trigger` | server | `<trigger>.invoke` |
//! | `graphql.operation.type` | any | `graphql.server.request` |
//! | `network.protocol.name` | server, client | `<protocol>.server.request`, `<protocol>.client.request` |
//! | none of these | server, client | `server.request`, `client.request` |
//! | none of these | other | the kind: `internal`, `producer`, `consumer` |
//!
//! The type is `web` for servers, `http` for clients or what the `db.system` is (`sql`, `redis`, `db`, ...),
//! and `custom` for the rest.
//!
//! # Processes that fork
//!
//! In a child that is forked and executes no other program, OpenTelemetry's context is inherited, and what
//! starts below it continues the trace, as [natively](tracehound::Tracer#processes-that-fork). On other threads
//! of the child, to which the context was handed on, the sampling decision is the one in the span context's
//! flags. OpenTelemetry has locks of its own, which it does not look after: spans of the parent that other
//! threads may have been changing at the fork are not to be changed in the child.
//!
//! # What is different from OpenTelemetry's SDK
//!
//! - **The sampling decision is late**: it is taken when headers are written or the trace ends, so that all
//!   that is known by then counts. Until then the flags of a `SpanContext` say "sampled"; from then on those
//!   of `Span::span_context` say what was decided, and its trace state has the member `dd`. A context of
//!   OpenTelemetry has a copy that was made when the span was put into it and cannot change. [`Propagator`]
//!   writes the decision itself, and [`decided_span_context`] tells it.
//! - **The trace state** of a span context is what headers written then would say: other vendors' members always,
//!   and the member `dd` from the moment on when the trace is decided on, with a remote parent for example. It
//!   takes allocations, which spans of undecided traces do without.
//! - **Every span is recorded and sent**, of traces that are not kept, too: statistics and the rules for
//!   single spans need them. `is_recording` is about the end of the span and nothing else.
//! - **A span that does not exist carries its parent's context**: where no tracer is installed, telemetry is
//!   suppressed or the provider was shut down, the trace goes on below it.
//! - **An active native span that has finished gives way** to its nearest open ancestor for native children;
//!   OpenTelemetry's children have the parent that their context names.
//! - **A native scope inside a closure given to `Context::map_current` or `get_active_span`** is not active:
//!   OpenTelemetry holds its context borrowed there. To attach another is a panic in OpenTelemetry; here it
//!   is caught, and the span is made all the same. (With `panic = "abort"` nothing can be caught.)
//! - **`record_error` on a type-erased span**, such as `Context::span`, knows the text of the error only,
//!   because OpenTelemetry describes it itself. On [`Span`] it says the type and the sources, too.

// Each imports only from those below it, from `sdk` at the top down to `api`, `context`, `span` and `convert`:
// `tests/layers.rs` checks it.
mod api;
mod context;
mod convert;
#[cfg(feature = "sdk")]
mod sdk;
mod span;

pub use api::{Propagator, ResourceExt, Tracer, TracerProvider, TracerProviderBuilder, install};
pub use context::{ContextExt, OtelContextProvider, share_context};
#[cfg(feature = "sdk")]
pub use sdk::{ResourceNaming, Sampler, SpanExporter, SpanExporterBuilder};
pub use span::{Span, decided_span_context};
pub use tracehound::config::SpanLimits;
