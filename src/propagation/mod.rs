//! Headers in, context out; context in, headers out.
//!
//! One file for each header family; `extract.rs` and `inject.rs` put them together. Nothing here fails: a
//! part of the headers that cannot be used is left out, and where the protocol has a word for it, the span
//! says so (`_dd.propagation_error`).

mod b3;
mod baggage;
mod block;
mod carrier;
mod chars;
mod datadog;
mod dd_member;
mod digits;
mod env;
mod extract;
mod headers;
#[cfg(feature = "http")]
mod http_carrier;
mod inject;
mod names;
mod org_guard;
mod outgoing;
mod probability;
mod propagator;
mod scratch;
mod settings;
mod strict;
mod tag_set;
mod tags;
mod tracecontext;
mod tracestate;
#[cfg(test)]
mod vectors;

pub use block::HeaderBlock;
pub(crate) use block::{Draft, send};
pub use carrier::{Extractor, Injector, Lookup};
#[cfg(feature = "agent")]
pub(crate) use digits::hex;
pub use env::{EnvExtractor, EnvInjector};
pub(crate) use outgoing::{Outgoing, ProbabilityRef};
pub(crate) use probability::{Probability, without_threshold};
pub use propagator::{HttpPropagator, Propagator};
pub use strict::{header_value, is_header_name};
#[cfg(feature = "agent")]
pub(crate) use tags::root_tags;
pub(crate) use tracecontext::with_tracestate;
