//! The layout of a trace in memory: every type that this room is made of, on one page.
//!
//! A [`Segment`] is the part of one trace that lives in this process: one lock around its [`Buffers`]. These hold a
//! [`Body`]: the [`Record`]s of the spans in [`Slots`], and their tags. When no span is open any more, the buffers leave
//! the segment, and are a [`Chunk`] with it, which the tracer's [`Sink`] takes over. [`Shared`] is what
//! all traces of one tracer share: its settings, its sink, its diagnostics.
//!
//! The types refer to each other in a cycle, so they are defined in one file. Their methods are in the files named after
//! them.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};

use tracehound_machine::{Counted, Sole};

use super::decision::TraceDecision;
use super::extras::Extras;
use super::last_sent::LastSent;
use super::sent_baggage::SentBaggage;
use crate::clock::{Anchor, Ticks};
use crate::diag::Diag;
use crate::id::{SpanId, TraceId};
use crate::primitives::ShortLock;
use crate::replaceable::{Replaceable, Succession};
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
    /// Of a finished span: its nearest open ancestor as last found, so that a long chain is walked once.
    pub(crate) open_ancestor: OpenAncestor,
    /// Its baggage is shared with no other span, and its bytes are counted for this one.
    pub(crate) owns_baggage: bool,
    /// The finish hooks have been called for it.
    pub(crate) is_announced: bool,
    /// Counted as lost already, though it is open or not handed off: the tracer has ended.
    pub(crate) is_counted: bool,
    /// `_dd.top_level`; known when the span finishes.
    pub(crate) top_level: bool,
}

/// A cached ancestor: its slot plus two, [`OpenAncestor::NOTHING`] where none is open, zero before the first search.
///
/// The slot stays right as long as the record is here: a finished span leaves with the next part of its trace, and
/// slots are used again only then.
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
    /// Those of the finished ones that are counted as lost already; see [`Record::is_counted`].
    pub(crate) counted: u32,
    /// The tracer has ended: a span that finishes is lost. It is counted at once, because the trace may never end.
    pub(crate) has_ended: bool,
    /// In buffers that no trace has: a segment that is used again with them.
    pub(super) spare_segment: Option<Sole<Segment>>,
}

/// The memory for the spans of a trace; emptied, it serves another one.
///
/// A box, because it goes from hand to hand: pool, segment, queue, worker, pool.
pub(crate) type Buffers = Box<Body>;

/// The open part of a trace: one lock around two flat vectors.
///
/// Code of the program runs under its lock in three cases only: the conversion of deferred tags, naming functions where
/// a name is read, and the program's allocator. Where such code uses a span of the same trace, nothing waits: reads give
/// `None`, and changes do nothing. Under the lock of the spans only leaf locks are taken, which guard one value and call
/// nothing.
///
/// It belongs to the process that made it. In a forked child the locks may be held for ever and the vectors may be half
/// changed: nothing behind the locks is touched there, and the parent finishes the spans.
pub(crate) struct Segment {
    /// Which process this belongs to.
    pub(crate) epoch: u32,
    pub(crate) trace_id: TraceId,
    /// The first span started here, in slot 0 as long as it is here. The slot that another span was put into is the
    /// difference of its id from this one.
    pub(crate) root: SpanId,
    pub(crate) anchor: Anchor,
    /// What came in from upstream.
    pub(crate) upstream: Option<Arc<SpanContext>>,
    pub(crate) shared: SharedRef,
    /// Whether any span has had baggage: most traces have none, and need no lock to know.
    pub(crate) has_baggage: AtomicBool,
    pub(crate) decision: TraceDecision,
    pub(crate) body: ShortLock<Option<Buffers>>,
    /// Its lock is taken alone, or under that of `body`.
    pub(super) sent_baggage: ShortLock<SentBaggage>,
    pub(super) last_sent: LastSent,
}

/// Finished spans of one trace, handed off together.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) segment: Counted<Segment>,
    pub(crate) buffers: Buffers,
}

// ===== handles =====

/// The location of a span. The id tells the slot that the span was put into, and is the generation of that slot: where
/// the slot has another id, the span was moved or has been sent; see [`Slots`](super::layout::Slots).
///
/// Two words, which go from function to function in registers.
#[derive(Clone)]
pub(crate) struct Location {
    pub(crate) segment: Counted<Segment>,
    pub(crate) id: SpanId,
}

const _: () = assert!(size_of::<Option<Location>>() <= 16, "two words");

/// A handle of a span: it reads and changes the span, and its clones are cheap.
///
/// It never finishes the span by being dropped; [`Span`](crate::Span) does. A handle of a span that has finished, or
/// that does not exist because tracing is off, is harmless: changes do nothing, reads give `None`.
#[derive(Clone, Default)]
pub struct SpanRef {
    pub(crate) at: Option<Location>,
}

const _: () = assert!(size_of::<SpanRef>() <= 16, "two words");

// ===== the tracer =====

/// What a tracer does with the chunks of its traces: the edge from a trace to what comes after it.
///
/// Called on application threads: nothing here may wait, and none of the library's locks is held.
pub(crate) trait Sink: Send + Sync {
    /// Takes a chunk over; gives it back where another sink has taken the place of this one.
    fn submit(&self, chunk: Chunk) -> Option<Chunk>;

    /// Decides on a trace by its local root; while that may change, by a copy of it.
    fn decide(&self, root: &SpanView<'_>) -> SamplingDecision;

    /// As [`Sink::decide`], under the lock of the trace. `None` where that could take long, or would run code of the
    /// program.
    fn decide_in_place(&self, _: &SpanView<'_>) -> Option<SamplingDecision> {
        None
    }

    /// The tags that [`Sink::decide`] reads; `None` where it may read anything of the span.
    fn needed_tags(&self) -> Option<&[Text]> {
        None
    }

    /// Moves empty vectors of sent chunks into `into`, to be filled again.
    fn refill(&self, into: &mut Vec<Buffers>);
}

/// What all traces of one tracer share. Built once; only the atomics, the snapshots and what is replaceable change.
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
    /// Finished spans of a trace that are sent before the trace ends; zero switches that off.
    pub(crate) partial_flush: AtomicU32,
    /// Bytes that an open trace may hold beside its records, and what has come in from upstream.
    pub(crate) max_trace_bytes: usize,
    /// Frames that an `error.stack` holds at the most.
    pub(crate) stack_limit: usize,
    pub(crate) enabled: AtomicBool,
    /// What finishes from now on is lost; see [`Shared::end`]. One for all tracers that have one sink.
    pub(crate) has_ended: Arc<AtomicBool>,
    /// The program's functions that are called for each span.
    pub(crate) hooks: Arc<Hooks>,
    /// Where the tracer's spans are made active.
    pub(crate) context_stores: ContextStores,
    /// One for all tracers that have one pipeline.
    pub(crate) sink: Arc<Replaceable<dyn Sink>>,
    pub(crate) diag: Arc<Diag>,
}

/// The program's functions that are called for each span of a tracer.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(super) start: HookList,
    pub(super) finish: HookList,
}

/// The hooks of one moment, in the order in which they were registered.
#[derive(Default)]
pub(super) struct HookList {
    /// Of the newest list; zero as long as there was no hook.
    pub(super) number: AtomicU64,
    pub(super) calls: Snapshot<Vec<Arc<Hook>>>,
}

pub(super) struct Hook {
    pub(super) id: u64,
    pub(super) call: Box<dyn Fn(&SpanRef) + Send + Sync>,
}

/// Where the program has a tracer keep what is active.
///
/// Opaque in this room: `trace/active`, a room above, defines the store and calls it.
#[derive(Clone)]
pub(crate) struct ContextStore(pub(crate) Arc<dyn Any + Send + Sync>);

/// Those that the program has given to a tracer, one after the other; none for the store of the process.
pub(crate) type ContextStores = Succession<ContextStore>;

/// What traces share, with a reference count for each [shard](crate::shard).
///
/// Every trace holds an `Arc` to its tracer, from its beginning until it has been sent. With one reference count all
/// threads that start traces, and the worker, would contend for one cache line, and slow down those that only read what
/// is beside it.
#[derive(Clone)]
pub(crate) struct SharedShards {
    pub(crate) shared: Arc<Shared>,
    pub(super) shards: [Shard; SHARDS],
}

pub(super) type Shard = Arc<CachePadded<Arc<Shared>>>;

/// The tracer of a trace; `None` in a segment without a trace, which must keep no tracer alive.
pub(crate) struct SharedRef(pub(crate) Option<Shard>);

/// Without the spans: nothing waits for the lock to print.
impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Segment({})", self.trace_id)
    }
}
