//! For programs that keep OpenTelemetry's SDK (feature `sdk`): an exporter and a sampler.
//!
//! The highest room: no other one imports it. What the SDK hands over goes through the core's pipeline:
//! `exporter` puts batches into `queue` on the SDK's threads, under one short lock; `assembler` is a thread that takes
//! them out, has the spans of a trace wait for each other in `pending`, and makes chunks of them (`chunk`, one for each
//! local root; `span_data`, span by span), which the core's worker sends. So only `exporter`, `queue` and `sampler` may
//! not wait. Each span that was accepted is settled once in `queue`, as submitted or as lost: who takes spans out of
//! the way settles them there. `mapping` is the one place that calls functions of the user.

mod agent_names;
mod assembler;
mod builder;
mod chunk;
mod exit;
mod exporter;
mod identity;
mod mapping;
mod pending;
mod queue;
mod resource_name;
mod sampler;
mod shared;
mod size;
mod span_data;
mod starter;

pub use builder::SpanExporterBuilder;
pub use exporter::SpanExporter;
pub use resource_name::ResourceNaming;
pub use sampler::Sampler;
