//! How a trace lies in memory: every type that the others of this room are made of, on one page.
//!
//! A [`Segment`] is the part of one trace that lives in this process: one lock around its [`Buffers`]. These hold a
//! [`Body`]: the [`Record`]s of the spans in [`Slots`], and their tags. When no span is open any more, the buffers leave
//! the segment, and are a [`Chunk`] with it, which the tracer's [`Sink`] takes over. [`Shared`] is the tracer, as far as
//! traces know it.
//!
//! The types refer to each other in a ring, and so are defined in one place; what they do is in the files named after
//! them, which import from here only.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tracehound_machine::{Counted, Sole};

use super::decided::Decided;
use super::extras::Extras;
use super::last_sent::LastSent;
use super::sent_baggage::SentBaggage;
use crate::clock::{Anchor, Ticks};
use crate::diag::Diag;
use crate::id::{SpanId, TraceId};
use crate::primitives::ShortLock;
use crate::shard::{CachePadded, SHARDS};
use crate::sync::Snapshot;
use crate::text::Text;
use crate::trace::tags::{TagList, Tags};
use crate::trace::values::{Baggage, SamplingDecision, ServiceSource, SpanContext, SpanKind};

// ===== one span =====

/// One span. Absent means default: no service is the tracer's, no resource is the name.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// `None` in a slot that is free.
    pub(crate) id: Option<SpanId>,
    pub(crate) parent: Option<SpanId>,
    pub(crate) start: Ticks,
    /// Nanoseconds; negative while the span is open.
    pub(crate) duration: i64,
    pub(crate) name: Text,
    pub(crate) service: Option<Text>,
    pub(crate) resource: Option<Text>,
    pub(crate) span_type: Option<Text>,
    pub(crate) naming: Option<NamingFn>,
    pub(crate) tags: TagList,
    pub(crate) baggage: Option<Arc<Baggage>>,
    pub(crate) extras: Option<Box<Extras>>,
    pub(crate) kind: Option<SpanKind>,
    pub(crate) service_source: ServiceSource,
    pub(crate) error: bool,
    /// What a bridge keeps with the span; see [`SpanRef::update_bridge_flags`](crate::bridge::SpanExt::update_bridge_flags).
    pub(crate) bridge_flags: u8,
    /// Which of the tags that describe an error came with its message; see `Failure::describe`.
    pub(crate) described: u8,
    /// First span of the trace in this process.
    pub(crate) local_root: bool,
    /// Of a finished span, where an open one above it was last found; zero where nobody has looked.
    pub(crate) above: OpenAncestor,
    /// Its baggage is a copy of its own, and counted for it.
    pub(crate) owns_baggage: bool,
    /// In the account already, though it is open or has not been handed off: the tracer has ended.
    pub(crate) is_counted: bool,
    /// `_dd.top_level`; known when the span finishes.
    pub(crate) top_level: bool,
}

/// The slot of an ancestor that was open, and two more; [`OpenAncestor::NOTHING`] where none of them was.
///
/// It holds as long as the record is here: a finished span leaves with the next part of its trace, and only then slots
/// become free for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenAncestor(pub(crate) u32);

/// "Still open", in [`Record::duration`].
pub(crate) const OPEN: i64 = -1;

/// A span as it is now, for reading: what samplers, naming functions and the encoder see.
#[derive(Clone, Copy)]
pub struct SpanView<'a> {
    pub(crate) segment: &'a Segment,
    pub(crate) record: &'a Record,
    pub(crate) tags: &'a Tags,
}

/// Names that follow from tags which may still change: worked out when they are first needed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DerivedNames {
    /// The operation name.
    pub name: Text,
    /// The span type, where the tags imply one.
    pub span_type: Option<Text>,
}

/// Works the names of a span out of its other fields and tags.
///
/// A plain function, so that it costs a span one word; it may run on any thread, under the lock of the
/// trace, and so must not touch spans.
pub type NamingFn = fn(&SpanView<'_>) -> DerivedNames;

// ===== one trace =====

/// The spans of a segment by their slots.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    pub(super) all: Vec<Record>,
    /// Where the spans are that a partial flush has moved away from the slots that their ids tell, ordered by id.
    pub(super) moved: Vec<(SpanId, u32)>,
}

/// The spans of a segment and their tags.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pub(crate) spans: Slots,
    pub(crate) tags: Tags,
    pub(crate) open: u32,
    /// Finished and not handed off.
    pub(crate) finished: u32,
    /// Those of them that are in the account already; see [`Record::is_counted`].
    pub(crate) counted: u32,
    /// The tracer has ended: what finishes is lost, and counted at once, for the trace may never end.
    pub(crate) has_ended: bool,
    /// Between two traces: a segment for the next one.
    pub(super) spare_segment: Option<Sole<Segment>>,
}

/// The room of a chunk; emptied, it serves another trace.
///
/// A box, because it goes from hand to hand: pool, segment, queue, worker, pool.
#[derive(Debug, Default)]
pub(crate) struct Buffers(pub(crate) Box<Body>);

/// The open part of a trace: one lock around two flat vectors.
///
/// No code of the user runs under its locks, but for what is said to: late tags, and naming functions where a name is
/// read; and an allocator's. To these the spans of the trace are as if they did not exist. What is taken under the lock of
/// the spans are locks that guard one value and call nothing.
///
/// It belongs to the process that made it. In one that was forked from that, the locks may be locked for ever
/// and the vectors half changed: nothing behind them is touched, and the spans are the parent's to finish.
pub(crate) struct Segment {
    /// Which process this belongs to.
    pub(crate) epoch: u32,
    pub(crate) trace_id: TraceId,
    /// The first span started here; always in slot 0 as long as it is here. The ids of all others tell the slots
    /// they were put into by what they differ from it.
    pub(crate) root: SpanId,
    pub(crate) anchor: Anchor,
    /// What came in from upstream.
    pub(crate) upstream: Option<Arc<SpanContext>>,
    pub(crate) shared: SharedRef,
    /// Whether any span has had baggage: most traces have none, and need no lock to know.
    pub(crate) has_baggage: AtomicBool,
    pub(super) decision: Decided,
    pub(crate) body: ShortLock<Option<Buffers>>,
    /// Taken by itself, or under the other lock.
    pub(super) sent_baggage: ShortLock<SentBaggage>,
    pub(super) last_sent: LastSent,
}

/// Finished spans of one trace, handed off together.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) segment: Counted<Segment>,
    pub(crate) buffers: Buffers,
}

// ===== the tracer =====

/// What a tracer does with the chunks of its traces: the edge from a trace to what comes after it.
///
/// Called on application threads: nothing here may wait, and none of the library's locks is held.
pub(crate) trait Sink: Send + Sync {
    /// Takes a chunk over.
    fn submit(&self, chunk: Chunk);

    /// Decides on a trace by its local root; while that may change, by a copy of it.
    fn decide(&self, root: &SpanView<'_>) -> SamplingDecision;

    /// The same under the lock of the trace, where it takes but a short while and no code but the library's.
    fn decide_in_place(&self, _: &SpanView<'_>) -> Option<SamplingDecision> {
        None
    }

    /// The tags that [`Sink::decide`] needs of a copy; `None` for all of them and whatever else there is.
    fn needed_tags(&self) -> Option<&[Text]> {
        None
    }

    /// Moves empty vectors of sent chunks into `into`, to be filled again.
    fn refill(&self, into: &mut Vec<Buffers>);
}

/// What all traces of one tracer share. Built once; only the atomics and snapshots change.
pub(crate) struct Shared {
    pub(crate) service: Text,
    /// That of spans that name none: `service` as `DD_SERVICE_MAPPING` has it. Set by [`SharedShards::new`].
    pub(crate) span_service: Text,
    pub(crate) env: Option<Text>,
    pub(crate) version: Option<Text>,
    /// Tags of every span: `DD_TAGS` and those set on the tracer.
    pub(crate) tags: Snapshot<Vec<(Text, Text)>>,
    /// `DD_SERVICE_MAPPING`, applied to a service when it is set.
    pub(crate) service_mapping: Vec<(Text, Text)>,
    /// `false` where spans serve other products only (`DD_APM_TRACING_ENABLED`): what comes in and goes out
    /// then counts only if a product has marked the trace.
    pub(crate) apm_tracing: bool,
    /// Whether new trace ids have their high half filled.
    pub(crate) wide_trace_ids: bool,
    /// Finished spans of a trace that are sent before the trace ends; `None` switches that off.
    pub(crate) partial_flush: Option<u32>,
    /// Bytes that an open trace may hold beside its records, and what has come in from upstream.
    pub(crate) max_trace_bytes: usize,
    /// Frames that an `error.stack` holds at the most.
    pub(crate) stack_limit: usize,
    pub(crate) enabled: AtomicBool,
    /// What finishes from now on is lost; see [`Shared::end`]. One for all tracers that have one sink.
    pub(crate) has_ended: Arc<AtomicBool>,
    /// Where the tracer's spans are made active.
    pub(crate) context_store: ContextStore,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) diag: Arc<Diag>,
}

/// Where a tracer keeps what is active: `None` for the store of the process.
///
/// Opaque in this room, which lies below what can be active: `trace/active` knows what it is, and does all with it.
#[derive(Clone, Default)]
pub(crate) struct ContextStore(pub(crate) Option<Arc<dyn Any + Send + Sync>>);

impl ContextStore {
    /// That of the process: the threads' stacks, unless a bridge has put its own in their place.
    pub(crate) const PROCESS: ContextStore = ContextStore(None);
}

/// What traces share, with a reference count for each [shard](crate::shard).
///
/// Every trace holds an `Arc` to its tracer, from its beginning until it has been sent: with one reference count the
/// threads that trace, and the worker, would disturb each other, and who only reads there.
#[derive(Clone)]
pub(crate) struct SharedShards {
    pub(crate) shared: Arc<Shared>,
    pub(super) shards: [Shard; SHARDS],
}

pub(super) type Shard = Arc<CachePadded<Arc<Shared>>>;

/// The tracer of a trace; none where a segment rests between two traces, which must keep no tracer alive.
pub(crate) struct SharedRef(pub(crate) Option<Shard>);

/// What is behind the lock may be changing.
impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Segment({})", self.trace_id)
    }
}
