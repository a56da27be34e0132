//! OpenTelemetry's terms in the core's, and back: keys, values, ids, names, errors.
//!
//! The lowest room: it imports no other one of this crate, and all others use it. Its functions take what one API
//! has and give what the other has, or set it on the span that they are given. None of them knows which spans there
//! are, or what is active. `attributes` runs for every attribute on the application's thread, so a change
//! there is measured (`cargo bench --bench instructions -- opentelemetry`). The tables in `naming` are those of
//! Datadog's agent: they change with it, and with `tests/vectors/otel-conversion.json`.

pub(crate) mod attributes;
pub(crate) mod entries;
pub(crate) mod exception;
pub(crate) mod naming;
pub(crate) mod scope;
pub(crate) mod span_context;
pub(crate) mod status;
pub(crate) mod value;
