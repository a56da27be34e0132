//! What a trace says of its being dropped: in its heading, and at each of its spans.

use std::collections::HashMap;
use std::ptr;

use crate::model::{Sampling, Span, Trace, who_dropped};

/// What becomes of each span of a trace behind an agent.
#[derive(Debug)]
pub(super) struct Outcomes {
    /// By where the span is: ids may be used twice.
    spans: HashMap<*const Span, Outcome>,
}

/// What becomes of a span.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    pub(super) is_dropped: bool,
    /// What is to be said about it, where it begins a chunk.
    begins: Option<Sampling>,
}

impl Outcomes {
    pub(super) fn of(trace: &Trace) -> Self {
        let chunks = trace.chunks.iter().zip(trace.sampling());
        let spans = chunks.flat_map(|(chunk, sampling)| {
            chunk.iter().enumerate().map(move |(nth, span)| {
                let is_dropped = sampling.is_dropped() && !span.is_kept_alone();
                let begins = Some(sampling).filter(|_| nth == 0);
                (ptr::from_ref(&**span), Outcome { is_dropped, begins })
            })
        });
        Outcomes { spans: spans.collect() }
    }

    pub(super) fn get(&self, span: &Span) -> Outcome {
        self.spans.get(&ptr::from_ref(span)).copied().unwrap_or_default()
    }
}

impl Outcome {
    /// What is said below a span, if there is anything to say.
    pub(super) fn note(self, span: &Span) -> Option<String> {
        match self.begins {
            Some(Sampling::Dropped(priority)) => {
                let who = who_dropped(priority, span.meta("_dd.p.dm"));
                Some(format!("{}, {who}", Sampling::Dropped(priority)))
            }
            Some(Sampling::Undecided) => Some(format!("{}: kept", Sampling::Undecided)),
            Some(Sampling::Kept(_)) | None => None,
        }
    }
}

/// What the heading of a trace says: nothing where all of it is kept.
pub(super) fn summary(trace: &Trace) -> Option<String> {
    let dropped = trace.sampling().filter_map(|sampling| match sampling {
        Sampling::Dropped(priority) => Some(priority),
        _ => None,
    });
    let mut dropped: Vec<i64> = dropped.collect();
    let (some, of) = (dropped.len(), trace.chunks.len());
    dropped.sort_unstable();
    dropped.dedup();
    match dropped.as_slice() {
        [] => None,
        [priority] if some == of => Some(format!("dropped (priority {priority})")),
        _ if some == of => Some("dropped".to_owned()),
        _ => Some(format!("dropped in part ({some} of {of} chunks)")),
    }
}
