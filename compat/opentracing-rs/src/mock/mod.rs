//! A tracer that keeps its spans, for tests of instrumentation.
//!
//! ```
//! use opentracing_rs::Tracer;
//! use opentracing_rs::mock::MockTracer;
//!
//! // The code under test.
//! fn load(tracer: &Tracer, name: &str) -> Result<u16, std::num::ParseIntError> {
//!     tracer.build_span("load").tag("name", name).try_in_span(|_| name.parse())
//! }
//!
//! let mock = MockTracer::new();
//! assert!(load(&mock.tracer(), "eighty").is_err());
//!
//! let spans = mock.finished_spans();
//! assert_eq!(spans[0].operation_name, "load");
//! assert_eq!(spans[0].tag("name"), Some(&"eighty".into()));
//! assert_eq!(spans[0].tag("error"), Some(&true.into()));
//! assert_eq!(spans[0].logs[0].field("message"), Some(&"invalid digit found in string".into()));
//! assert!(mock.open_spans().is_empty() && mock.misuses().is_empty());
//! ```
//!
//! Each tracer counts its ids from 1, so that a test may know them beforehand.

// `store` holds all spans under one lock, `span_handle` is what a program has of one of them, `codec` writes contexts into
// carriers. It uses the crate as any other tracer would: nothing here is needed below.

mod codec;
mod context;
mod span_handle;
mod store;
mod tracer;

pub use context::MockContext;
pub use store::{MockLog, MockReference, MockSpan};
pub use tracer::MockTracer;
