//! What bridges do with spans, their builders and contexts, beyond what users need.

use std::sync::Arc;

use super::builder::SpanBuilder;
use crate::id::SpanId;
use crate::trace::active::ActiveContext;
use crate::trace::store::{DecisionMark, NamingFn, SpanRef};
use crate::trace::tags::{Deferred, DeferredTags};
use crate::trace::values::{SamplingMechanism, SamplingPriority, SpanContext};

/// What bridges do with a span.
pub trait SpanExt {
    /// Sets tags that another API has in its own terms. They are converted when somebody looks at the tags of
    /// the trace, as a rule in the background; until then they cost a move. What they hold on the heap, about,
    /// counts for the bounds on what waits to be sent.
    ///
    /// For bridges. The order of all tags that are set, deferred or not, is kept. None of the keys may mean something
    /// to the core ([`SpecialKeys`](crate::bridge::SpecialKeys) says which do): here they would be tags as any other.
    fn set_deferred_tags<T: DeferredTags>(&self, tags: T, heap_bytes: usize);

    /// What tells the sampling decision on the trace from other ones: the same as long as its priority and mechanism
    /// are, and `None` before there is one. Takes no lock.
    ///
    /// For bridges that keep what they have made of a decision.
    #[must_use]
    fn decision_mark(&self) -> Option<DecisionMark>;

    /// Changes bits of the byte that a bridge keeps with the span for what its own API must remember, such
    /// as a status that is final. It is zero at first, and never sent.
    ///
    /// Gives back what it was, or `None` where the span is not open.
    fn update_bridge_flags(&self, clear: u8, set: u8) -> Option<u8>;

    /// How many links there are.
    #[must_use]
    fn link_count(&self) -> usize;

    /// How many events there are.
    #[must_use]
    fn event_count(&self) -> usize;
}

impl SpanExt for SpanRef {
    #[inline]
    fn set_deferred_tags<T: DeferredTags>(&self, tags: T, heap_bytes: usize) {
        // In one function: every call that takes the tags by value may copy them.
        let Some(at) = &self.at else { return };
        let Some(mut guard) = at.segment.body() else { return };
        let open = guard.as_mut().and_then(|body| {
            let slot = body.open_slot(at.segment.root, at.id)?;
            Some((body, slot))
        });
        let Some((body, slot)) = open else { return at.log_ignored(guard) };
        match body.tags.deferred(heap_bytes) {
            Some(others) if others.len() < others.capacity() => {
                others.push(Deferred { tags, slot });
            }
            // It is counted already.
            Some(_) => drop(body.defer(slot, tags, 0)),
            None => {
                if !body.defer(slot, tags, heap_bytes) {
                    at.warn_full(guard);
                }
            }
        }
    }

    #[inline]
    fn decision_mark(&self) -> Option<DecisionMark> {
        self.at.as_ref()?.segment.decision.mark()
    }

    fn update_bridge_flags(&self, clear: u8, set: u8) -> Option<u8> {
        let mut before = 0;
        let open = self.edit(|record, _| {
            before = record.bridge_flags;
            record.bridge_flags = (before & !clear) | set;
        });
        open.then_some(before)
    }

    fn link_count(&self) -> usize {
        self.read_fields(|span| span.links().len()).unwrap_or_default()
    }

    fn event_count(&self) -> usize {
        self.read_fields(|span| span.events().len()).unwrap_or_default()
    }
}

/// What bridges say to a [`SpanBuilder`].
pub trait SpanBuilderExt: Sized {
    /// Lets the name, as long as it is empty, and the type, as long as none is set, follow from the other
    /// fields and tags when they are needed.
    ///
    /// For bridges whose users name spans in other terms.
    fn naming(self, naming: NamingFn) -> Self;
}

impl SpanBuilderExt for SpanBuilder<'_> {
    fn naming(self, naming: NamingFn) -> Self {
        self.with(|plan, _| plan.record.naming = Some(naming))
    }
}

/// What bridges make of a [`SpanContext`].
pub trait SpanContextExt: Sized {
    /// As the context of a span of this process that another library records: whoever receives it has that
    /// span for the last Datadog span above (`p` of the `dd` member of `tracestate`).
    #[must_use]
    fn in_this_process(self) -> Self;

    /// As the context of a span of this process, below this one, that another library records and has sampled or
    /// not: what came in with the trace goes on, and the decision as far as the flag does not contradict it.
    ///
    /// For bridges. What is for the first span of the trace in this process, such as links, is left out.
    #[must_use]
    fn recorded_below(self, span_id: SpanId, sampled: bool) -> Self;
}

impl SpanContextExt for SpanContext {
    fn in_this_process(mut self) -> Self {
        self.remote = false;
        self.last_parent = None;
        self
    }

    fn recorded_below(mut self, span_id: SpanId, sampled: bool) -> Self {
        if self.priority.is_none_or(|priority| priority.is_keep() != sampled) {
            self.priority = Some(if sampled {
                SamplingPriority::AUTO_KEEP
            } else {
                SamplingPriority::AUTO_REJECT
            });
            self.mechanism = sampled.then_some(SamplingMechanism::DEFAULT);
        }
        self.span_id = Some(span_id);
        self.links = Vec::new();
        self.root_tags = Vec::new();
        self.error = None;
        self.in_this_process()
    }
}

/// What bridges ask of an [`ActiveContext`].
pub trait ContextExt: Sized {
    /// The same place without the sampling decision that came in from another process; see
    /// [`SpanContext::without_decision`]. What is of this process is left as it is: a trace has one decision here.
    #[must_use]
    fn without_remote_decision(self) -> Self;

    /// Whether baggage was put here by [`ActiveContext::with_baggage`], which counts instead of the parent's.
    #[must_use]
    fn has_own_baggage(&self) -> bool;
}

impl ContextExt for ActiveContext {
    fn without_remote_decision(mut self) -> Self {
        if let Some(remote) = self.remote.take() {
            self.remote = Some(match remote.priority {
                Some(_) if remote.remote => {
                    Arc::new(Arc::unwrap_or_clone(remote).without_decision())
                }
                _ => remote,
            });
        }
        self
    }

    fn has_own_baggage(&self) -> bool {
        self.baggage.is_some()
    }
}
