//! The exporter for OpenTelemetry's SDK: what the SDK hands over goes through the core's pipeline.

mod assembler;
mod builder;
mod chunk;
mod convert;
mod exit;
mod handle;
mod identity;
mod inbox;
mod mapping;
mod renames;
mod resource_name;
mod shared;
mod size;
mod waiting;

pub use builder::SpanExporterBuilder;
pub(crate) use chunk::given;
pub use handle::SpanExporter;
pub use resource_name::ResourceNaming;
pub(crate) use shared::Shared;
