//! Statistics of spans: how many there were, how many failed, how long they took, each by what they were about.
//!
//! Every span that is at the top of its service, measured, or of a kind that the agent names counts, whether its trace
//! is kept or not. So what is shown in Datadog is right at any sampling rate, and the traces that are not kept need not
//! be sent.
//!
//! - `terms`: whether the agent wants it, and what it has said about how. `info_filters`: which traces it wants neither
//!   counted nor sent; `obfuscation`: resources without values.
//! - `span`: what of a span counts, and as what. `tag_key`, `meta`: its tags; `grpc`, `peer_tags`: what
//!   they say.
//! - `key`: what spans are counted by, as bytes. `group`: the spans with one key. `bucket`: the groups of ten seconds.
//!   `limits`: how many there may be. `concentrator`: the buckets in their order of time.
//! - `payload`: what the agent is sent.
//!
//! Everything here runs on the worker, and is a function of chunks and of a time that is given. Nothing is allocated for
//! a span that is like one before it. `pipeline` asks in this order: is the trace rejected, count it, drop of it what is
//! not kept. It relies on each span being counted once, and on [`Concentrator::is_empty`] meaning that nothing is held.
//!
//! The names on the wire are those of the agent's `ClientStatsPayload` (`pkg/proto/datadog/trace/stats.proto`).

mod bucket;
mod concentrator;
mod group;
mod grpc;
mod info_filters;
mod key;
mod limits;
mod meta;
mod obfuscation;
mod payload;
mod peer_tags;
mod span;
mod tag_key;
mod terms;
#[cfg(test)]
mod vectors;

pub(crate) use concentrator::{BUCKET, Concentrator};
pub(crate) use payload::Payload;
pub(crate) use terms::Terms;
