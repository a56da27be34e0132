//! Headers in, context out; context in, headers out.
//!
//! | file | what is there |
//! | --- | --- |
//! | `propagator` | the propagator of a tracer, and the trait of a user's own |
//! | `extract`, `inject` | all styles together, inwards and outwards |
//! | `datadog`, `tag_set` | `x-datadog-*`, and of those `x-datadog-tags` |
//! | `tracecontext`, `tracestate`, `dd_member`, `probability` | W3C Trace Context, and what is ours in `tracestate`: `dd` and `ot` |
//! | `b3`, `baggage` | Zipkin's headers; W3C Baggage and its older way |
//! | `outgoing` | what goes out, whatever it comes from |
//! | `headers`, `names` | what came in, and the name of each header |
//! | `tags`, `org_guard` | the tags `_dd.p.*`, and whose are followed |
//! | `carrier`, `block`, `env`, `http_carrier` | where headers are read from and written to |
//! | `chars`, `digits`, `list`, `scratch`, `strict` | characters, numbers, lists and buffers in headers |
//! | `settings` | what the configuration says |
//!
//! A new style is a file with what it reads and writes, its names in `names`, a branch in `extract` and one in `inject`,
//! and a `Style` in `config/propagation.rs`. What is parsed here comes from anybody: nothing fails, no number may
//! overflow (`clippy::arithmetic_side_effects`), and each list has a limit. A part of the headers that cannot be used is left
//! out, and where the protocol has a word for it, the span says so (`_dd.propagation_error`). Other tracers and proxies rely
//! on every byte that is written: the tables in `tests/vectors` say which. `tracer/propagation.rs` and the bridges in
//! `compat/` use what is re-exported here.

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
mod list;
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
pub use carrier::{Extractor, HeaderLookup, Injector};
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
