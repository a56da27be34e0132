//! OpenTelemetry's terms in the core's, and back: keys, values, ids, names, errors.
//!
//! The lowest room: it imports no other one of this crate, and all others use it. Its functions turn a value of one API
//! into one of the other, or set it on the span that they are given. They keep no state, and do not know which spans
//! exist or what is active. `attributes` runs for every attribute on the application's thread, so measure a change there
//! (`cargo bench --bench instructions -- opentelemetry`). The tables in `naming` are those of Datadog's agent: they
//! change with it, and with `tests/vectors/otel-conversion.json`.

pub(crate) mod attributes;
pub(crate) mod entries;
pub(crate) mod exception;
pub(crate) mod naming;
pub(crate) mod scope;
pub(crate) mod span_context;
pub(crate) mod status;
pub(crate) mod value;
