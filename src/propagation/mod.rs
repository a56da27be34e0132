//! Trace context in headers: reading it from a request that came in, and writing it into one that goes out.
//!
//! | file | what is there |
//! | --- | --- |
//! | `propagator` | `HttpPropagator`, which reads and writes all styles, and the trait for a user's own propagator |
//! | `names` | the table of headers: the name of each, its style, and its environment variable |
//! | `extract` | reading: asks each style in turn, and decides which context is followed |
//! | `inject` | writing: lets each style add its headers |
//! | `datadog`, `tag_set` | the style `datadog`: `x-datadog-*`, and of those `x-datadog-tags` |
//! | `tracecontext`, `tracestate`, `dd_member`, `probability` | the style `tracecontext`: `traceparent` and `tracestate`, with its members `dd` and `ot` |
//! | `b3`, `baggage` | the styles `b3` and `b3multi`; the style `baggage`, and the older `ot-baggage-*` |
//! | `tags`, `org_guard` | the propagated tags `_dd.p.*`, and whose context is accepted |
//! | `headers`, `outgoing` | what the styles read from: the headers that came in; and write from: the context to send |
//! | `carrier`, `block`, `env`, `http_carrier` | the traits `Extractor` and `Injector`, and the types that implement them |
//! | `chars`, `digits`, `list`, `scratch`, `strict` | characters, numbers, lists, buffers, and what any receiver takes as a header |
//! | `settings` | what the configuration says about all this |
//!
//! A header comes in through an `Extractor`, is found by its name in `headers`, and read by the file of its style into a
//! `SpanContext`. It goes out the other way round: the file of its style reads an `Outgoing` and adds a `Field` to a
//! `Draft`, which `block` gives to an `Injector`.
//!
//! A new style takes five things: a `Style` in `config/propagation.rs`, the rows of its headers in `names`, a file that
//! reads and writes them, a branch in `extract`, and one in `inject`.
//!
//! What is parsed here comes from anybody: nothing may fail, no number may overflow (`clippy::arithmetic_side_effects`),
//! and each list has a limit. A header that cannot be used counts as missing; where Datadog's tracers have a word for the
//! problem, the span is tagged with it (`_dd.propagation_error`). Other tracers and proxies rely on every byte that is
//! written: the tables in `tests/vectors` say which. What is re-exported here is used by `tracer/propagation.rs` and by
//! the bridges in `compat/`.

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
pub(crate) use outgoing::Outgoing;
pub(crate) use probability::{OtMember, Probability};
pub use propagator::{HttpPropagator, Propagator};
#[cfg(feature = "http-tags")]
pub(crate) use scratch::with as with_scratch;
pub use strict::{header_value, is_header_name};
#[cfg(feature = "agent")]
pub(crate) use tags::root_tags;
pub(crate) use tracecontext::with_tracestate;
