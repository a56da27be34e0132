//! The OpenTracing API on the Tracehound core.
//!
//! Spans made through [`opentracing_rs`] are Datadog spans from the start: the same spans, sampling,
//! propagation and pipeline as native ones. They share the one store of what is active, so that spans of all
//! APIs mix in one trace: a native or OpenTelemetry span is the parent of an OpenTracing one and the reverse,
//! across threads and `.await`, and each API sees and changes what another has made active.
//!
//! ```no_run
//! use opentracing_rs::{Format, global_tracer, tags};
//! use tracehound_opentracing::{Tracer, set_global_tracer};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let tracer = Tracer::builder().service("checkout").build()?;
//!     let _guard = set_global_tracer(&tracer)?; // of OpenTracing, and the native one below
//!
//!     let scope = global_tracer().start_active_span("checkout");
//!     scope.span().set_tag(tags::SPAN_KIND, tags::SPAN_KIND_SERVER);
//!     tracehound::in_span("cart.price", |_| ()); // a native child
//!
//!     let mut headers = std::collections::HashMap::new();
//!     tracer.inject(&scope.context(), Format::HttpHeaders, &mut headers)?;
//!     Ok(())
//! } // `checkout` is finished, then everything is sent
//! ```
//!
//! A test, or a program with a native tracer of its own, takes [`Tracer::new`] and leaves the global ones
//! alone.
//!
//! # Parents
//!
//! The parent is that of `child_of`, else that of the first reference, whatever its type, else what is active
//! in any API, also a context that came in, unless the active span is to be ignored. What of the references
//! the parent does not say becomes links with the attribute `opentracing.ref_type`: every further reference,
//! and the first one where it is `follows_from`. Contexts of other tracers are ignored.
//!
//! The service of a span is its tracer's, not its parent's: several tracers may share a native one
//! ([`Tracer::with_service`]).
//!
//! # Tags
//!
//! | tag | Datadog |
//! | --- | --- |
//! | `service.name`, `resource.name`, `span.type`, `span.kind` | the field of that name |
//! | `db.statement` | the resource |
//! | `peer.hostname` | `out.host` |
//! | `peer.port` | `network.destination.port`, a number |
//! | `error` | whether the span failed |
//! | `sampling.priority` | above 0 the trace is kept, else it is dropped, by the user's word |
//! | `manual.keep`, `manual.drop` | the same |
//! | others | text and truth values in `meta`, numbers in `metrics` |
//!
//! # Logs
//!
//! Each log is an event of the span: its name is the field `event`, or `log`, and the others are its
//! attributes. One whose `event` is `error` also marks the span; that, and one with an error object, sets the
//! fields that Datadog's error tracking reads:
//!
//! | field | Datadog |
//! | --- | --- |
//! | `error.object`, `error`: an error | `error.type`, and `error.message` and `error.stack` where no other field has them |
//! | `error.object`, `error`: text | `error.type` |
//! | `error.kind` | `error.type`, but not in the place of text in `error.object` |
//! | `message` | `error.message` |
//! | `stack` | `error.stack` |
//!
//! # Contexts in carriers
//!
//! `text_map` and `http_headers` hold what the native propagators write, in every style that is configured, and
//! a header `ot-baggage-<name>` for each item of the baggage, unencoded: at most 64 items and 8,192 bytes.
//! What HTTP cannot hold is left out there; W3C's `baggage` has it, encoded. `binary` is not supported.
//! Extracting makes nothing active, and headers that are malformed count as missing.
//!
//! The baggage is that of all APIs: an item set through one is seen by the others.
//!
//! # Scopes
//!
//! Scopes are in the core's one store of what is active, by thread; for tasks there are the futures of
//! [`opentracing_rs::FutureExt`], which are in it whenever they run. So a scope is out of order, and does
//! nothing when it is closed, also where a span of another API has become active since. An active span that
//! has finished gives way to its nearest open ancestor, as in the core. A program with a store of its own gives
//! it to the native tracer ([`tracehound::TracerBuilder::context_provider`]).
//!
//! A scope belongs to its thread:
//!
//! ```compile_fail,E0277
//! let (native, _) = tracehound::testing::tracer();
//! let scope = tracehound_opentracing::Tracer::new(native).start_active_span("here");
//! std::thread::spawn(move || scope.close()); // not here
//! ```
//!
//! # What is different from Datadog's OpenTracing tracer for Python
//!
//! - Extracting does not make the context active; give it to `child_of`.
//! - Logs that are not about errors are kept, as events, and so are their times.
//! - References beyond the first one are kept, as links.
//! - `error` leaves no metric beside the mark, and `sampling.priority` is kept or dropped by the user's word.
//! - Baggage is not OpenTracing's alone.
//! - Trace filters, and TLS to the agent, are not there: to ask for them is an error.

// `bridge` stands on the core and on `opentracing_rs`, and knows none of the others. On it stands the `tracer`; on that its
// `builder` with `config`, and `global`.

mod bridge;
mod builder;
mod config;
mod config_value;
mod correlation;
mod error;
mod global;
mod tracer;

pub use bridge::{native_context, native_span};
pub use builder::TracerBuilder;
pub use config_value::ConfigValue;
pub use correlation::LogCorrelation;
pub use error::{Error, ErrorKind};
pub use global::set_global_tracer;
pub use tracer::Tracer;
