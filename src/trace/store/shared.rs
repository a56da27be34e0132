//! What all traces of one tracer share, and the one edge from a trace to what comes after it.

use std::panic::RefUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tracehound_fork::WriteOnce;

use super::layout::{Buffers, Chunk, Shared, SharedRef, SharedShards, Sink, SpanView};
use crate::diag::Diag;
use crate::replaceable::{Replaceable, Succession};
use crate::shard::{self, CachePadded};
use crate::sync::Snapshot;
use crate::text::Text;
use crate::trace::values::{SamplingDecision, SamplingMechanism, SamplingPriority};

impl SharedShards {
    pub(crate) fn new(mut shared: Shared) -> Self {
        shared.span_service = shared.mapped(&shared.service).unwrap_or(&shared.service).clone();
        let shared = Arc::new(shared);
        let shards = std::array::from_fn(|_| Arc::new(CachePadded(Arc::clone(&shared))));
        SharedShards { shared, shards }
    }
}

impl std::fmt::Debug for SharedShards {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("service", &self.service).finish_non_exhaustive()
    }
}

impl std::ops::Deref for SharedShards {
    type Target = Shared;

    #[inline]
    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl SharedRef {
    pub(crate) const NONE: SharedRef = SharedRef(None);

    #[inline]
    pub(crate) fn of(shared: &SharedShards) -> Self {
        SharedRef(Some(Arc::clone(shard::of_thread(&shared.shards))))
    }

    /// Whether it ends with this one.
    pub(crate) fn ends_with(&self, shared: &Shared) -> bool {
        self.0.as_ref().is_some_and(|shard| Arc::ptr_eq(&shard.0.has_ended, &shared.has_ended))
    }

    #[cfg(feature = "agent")]
    pub(crate) fn get(&self) -> Option<&Arc<Shared>> {
        self.0.as_ref().map(|shard| &shard.0)
    }
}

impl std::ops::Deref for SharedRef {
    type Target = Shared;

    #[inline]
    fn deref(&self) -> &Shared {
        match &self.0 {
            Some(shard) => &shard.0,
            None => no_tracer(),
        }
    }
}

/// A tracer that drops everything, of a segment without a trace. No handle leads there: it stands in for a panic.
#[cold]
fn no_tracer() -> &'static Shared {
    static NO_TRACER: WriteOnce<Shared> = WriteOnce::new();
    NO_TRACER.get_or_make(|| Shared {
        enabled: AtomicBool::new(false),
        ..Shared::new(Arc::new(Nowhere), Arc::new(Diag::new(false, None)))
    })
}

/// A sink that drops every chunk.
pub(crate) struct Nowhere;

impl Sink for Nowhere {
    fn submit(&self, _: Chunk) -> Option<Chunk> {
        None
    }

    fn decide(&self, _: &SpanView<'_>) -> SamplingDecision {
        SamplingDecision::new(SamplingPriority::AUTO_KEEP, SamplingMechanism::DEFAULT)
    }

    fn decide_in_place(&self, root: &SpanView<'_>) -> Option<SamplingDecision> {
        Some(self.decide(root))
    }

    fn refill(&self, _: &mut Vec<Buffers>) {}
}

impl Shared {
    /// With the default of every setting.
    pub(crate) fn new(sink: Arc<dyn Sink>, diag: Arc<Diag>) -> Self {
        Shared {
            service: Text::EMPTY,
            span_service: Text::EMPTY,
            env: None,
            version: None,
            tags: Snapshot::default(),
            service_mapping: Vec::new(),
            apm_tracing: true,
            wide_trace_ids: true,
            partial_flush: AtomicU32::new(300),
            max_trace_bytes: 20 * 1024 * 1024,
            stack_limit: 30,
            enabled: AtomicBool::new(true),
            has_ended: Arc::default(),
            hooks: Arc::default(),
            context_stores: Succession::default(),
            sink: Arc::new(Replaceable::new(sink)),
            diag,
        }
    }

    /// Whether finished spans are to be sent.
    pub(crate) fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::Relaxed)
    }

    /// Finished spans of a trace that are sent before the trace ends; `None` where none are.
    #[inline]
    pub(crate) fn partial_flush(&self) -> Option<u32> {
        Some(self.partial_flush.load(Ordering::Relaxed)).filter(|least| *least > 0)
    }

    pub(crate) fn set_partial_flush(&self, least: Option<u32>) {
        self.partial_flush.store(least.unwrap_or_default(), Ordering::Relaxed);
    }

    pub(crate) fn has_ended(&self) -> bool {
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

#[cfg(all(test, feature = "agent"))]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::trace::Span;
    use crate::trace::testkit::Bench;

    #[test]
    fn traces_of_all_shards_have_one_tracer_and_keep_it() {
        // Nobody wants the traces: a chunk that is kept would keep the tracer.
        let bench = Bench::with(|shared| shared.enabled = false.into());
        let another = bench.shared.clone();
        // So many that each shard comes up whatever other tests take meanwhile.
        let mut traces: Vec<Span> = std::thread::scope(|scope| {
            let start = || bench.span("root").start();
            let threads: Vec<_> = (0..64).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let of = |trace: &Span| trace.at.as_ref().unwrap().segment.shared.0.clone().unwrap();
        assert_eq!(
            traces.iter().map(|trace| Arc::as_ptr(&of(trace))).collect::<HashSet<_>>().len(),
            crate::shard::SHARDS
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
