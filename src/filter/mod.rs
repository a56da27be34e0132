//! Trace filters: code that looks at each finished trace before it is sent, and may change or drop it.
//!
//! [`trace_filter`] is what the program writes, [`filters`] runs what it has given, in order. [`keep`], [`resources`]
//! and [`requests`] are those that come with the library. The worker runs them (`pipeline/packer.rs`), after a chunk is
//! settled and before it is encoded; where a test keeps the spans, [`sink`] does.

mod filters;
mod keep;
#[cfg(feature = "regex")]
mod requests;
mod resources;
mod sink;
mod trace_filter;

pub(crate) use filters::Filters;
pub use keep::{KeepErrors, KeepSlow};
#[cfg(feature = "regex")]
pub use requests::{FilterRequestsOnUrl, InvalidPattern};
pub use resources::{DropResources, KeepOneIn};
pub(crate) use sink::filtered;
pub use trace_filter::{TraceFilter, Verdict};
