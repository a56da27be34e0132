//! What all traces of one tracer share, and the one edge from a trace to what comes after it.

use std::panic::RefUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracehound_fork::WriteOnce;

use super::chunk::{Buffers, Chunk};
use super::provider::Provider;
use super::sampling::{Decision, Mechanism, Priority};
use super::view::SpanView;
use crate::diag::Diag;
use crate::lane::{self, Apart, LANES};
use crate::sync::Snapshot;
use crate::text::Text;

/// What a tracer does with the chunks of its traces.
///
/// Called on application threads: nothing here may wait, and none of the library's locks is held.
pub(crate) trait Sink: Send + Sync {
    /// Takes a chunk over.
    fn submit(&self, chunk: Chunk);

    /// Decides on a trace by its local root; while that may change, by a copy of it.
    fn decide(&self, root: &SpanView<'_>) -> Decision;

    /// The same under the lock of the trace, where it takes but a short while and no code but the library's.
    fn decide_in_place(&self, _: &SpanView<'_>) -> Option<Decision> {
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
    /// That of spans that name none: `service` as `DD_SERVICE_MAPPING` has it. Set by [`SharedLanes::new`].
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
    pub(crate) provider: Provider,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) diag: Arc<Diag>,
}

/// What traces share, with a place for each lane where they are counted.
///
/// Every trace counts that it knows its tracer, when it begins and when it has been sent: at one place the threads
/// that trace, and the worker, would disturb each other, and who only reads there.
#[derive(Clone)]
pub(crate) struct SharedLanes {
    shared: Arc<Shared>,
    lanes: [Lane; LANES],
}

type Lane = Arc<Apart<Arc<Shared>>>;

impl SharedLanes {
    pub(crate) fn new(mut shared: Shared) -> Self {
        shared.span_service = shared.mapped(&shared.service).unwrap_or(&shared.service).clone();
        let shared = Arc::new(shared);
        let lanes = std::array::from_fn(|_| Arc::new(Apart(Arc::clone(&shared))));
        SharedLanes { shared, lanes }
    }
}

impl std::fmt::Debug for SharedLanes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&**self, f)
    }
}

impl std::ops::Deref for SharedLanes {
    type Target = Shared;

    #[inline]
    fn deref(&self) -> &Shared {
        &self.shared
    }
}

/// The tracer of a trace; none where a segment rests between two traces, which must keep no tracer alive.
pub(crate) struct SharedRef(Option<Lane>);

impl SharedRef {
    pub(crate) const NONE: SharedRef = SharedRef(None);

    #[inline]
    pub(crate) fn of(shared: &SharedLanes) -> Self {
        SharedRef(Some(Arc::clone(lane::of_thread(&shared.lanes))))
    }

    /// Whether it ends with this one.
    pub(super) fn ends_with(&self, shared: &Shared) -> bool {
        self.0.as_ref().is_some_and(|lane| Arc::ptr_eq(&lane.0.has_ended, &shared.has_ended))
    }

    #[cfg(feature = "agent")]
    pub(crate) fn get(&self) -> Option<&Arc<Shared>> {
        self.0.as_ref().map(|lane| &lane.0)
    }
}

impl std::ops::Deref for SharedRef {
    type Target = Shared;

    #[inline]
    fn deref(&self) -> &Shared {
        match &self.0 {
            Some(lane) => &lane.0,
            None => nobody(),
        }
    }
}

impl std::fmt::Debug for SharedRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A tracer that drops everything. There is no handle to a trace that has none, so nobody asks for it.
#[cold]
fn nobody() -> &'static Shared {
    static NOBODY: WriteOnce<Shared> = WriteOnce::new();
    NOBODY.get_or_make(|| Shared {
        service: Text::EMPTY,
        span_service: Text::EMPTY,
        env: None,
        version: None,
        tags: Snapshot::default(),
        service_mapping: Vec::new(),
        apm_tracing: true,
        wide_trace_ids: true,
        partial_flush: None,
        max_trace_bytes: 0,
        stack_limit: 0,
        enabled: AtomicBool::new(false),
        has_ended: Arc::default(),
        provider: Provider::Process,
        sink: Arc::new(Nowhere),
        diag: Arc::new(Diag::new(false, None)),
    })
}

/// Where spans go that nobody wants.
pub(crate) struct Nowhere;

impl Sink for Nowhere {
    fn submit(&self, _: Chunk) {}

    fn decide(&self, _: &SpanView<'_>) -> Decision {
        Decision::new(Priority::AUTO_KEEP, Mechanism::DEFAULT)
    }

    fn decide_in_place(&self, root: &SpanView<'_>) -> Option<Decision> {
        Some(self.decide(root))
    }

    fn refill(&self, _: &mut Vec<Buffers>) {}
}

impl Shared {
    /// Whether finished spans are to be sent.
    pub(crate) fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::Relaxed)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::SeqCst)
    }

    /// A tag that every span has.
    pub(crate) fn tag(&self, key: &str) -> Option<Text> {
        self.tags.load().iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
    }

    /// The service that `DD_SERVICE_MAPPING` puts in the place of another.
    pub(crate) fn mapped(&self, service: &str) -> Option<&Text> {
        self.service_mapping.iter().find(|(from, _)| from == service).map(|(_, to)| to)
    }
}

/// A panic leaves nothing here half done: no code of the user runs under a lock, and locks open again.
impl RefUnwindSafe for Shared {}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("service", &self.service).finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "agent"))]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::trace::Span;
    use crate::trace::testkit::Bench;

    #[test]
    fn traces_of_all_lanes_have_one_tracer_and_keep_it() {
        // Nobody wants the traces: a chunk that is kept would keep the tracer.
        let bench = Bench::with(|shared| shared.enabled = false.into());
        let another = bench.shared.clone();
        // So many that each lane comes up whatever other tests take meanwhile.
        let mut traces: Vec<Span> = std::thread::scope(|scope| {
            let start = || bench.span("root").start();
            let threads: Vec<_> = (0..64).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let of = |trace: &Span| trace.at.as_ref().unwrap().segment.shared.0.clone().unwrap();
        assert_eq!(
            traces.iter().map(|trace| Arc::as_ptr(&of(trace))).collect::<HashSet<_>>().len(),
            LANES
        );
        for trace in &traces {
            let shared = trace.at.as_ref().unwrap().segment.shared.get();
            assert!(Arc::ptr_eq(shared.unwrap(), &bench.shared.shared));
        }
        let shared = Arc::downgrade(&bench.shared.shared);
        let last = traces.pop();
        drop((traces, bench));
        assert!(shared.upgrade().is_some());
        drop(another);
        assert!(shared.upgrade().is_some(), "a trace is open");
        drop(last);
        assert!(shared.upgrade().is_none());
    }
}
