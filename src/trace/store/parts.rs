//! What has finished of a trace that goes on is sent before its end.

use tracehound_machine::Counted;

use super::layout::{Body, Segment};
use super::pool::{empty_buffers, give_back};

impl Segment {
    /// Hands the finished spans off, if that is due, and keeps the open ones.
    #[cold]
    pub(super) fn flush_partly(this: &Counted<Self>, is_due: impl Fn(&Body) -> bool) {
        // All parts of a trace are sent with one decision: it is taken before the first of them.
        if this.decide().is_none() {
            // The next span that finishes does it, outside of the sampler.
            return;
        }
        let empty = empty_buffers(&this.shared);
        let Some(mut guard) = this.body() else { return };
        let Some(body) = guard.as_mut().filter(|body| is_due(body)) else {
            drop(guard);
            return give_back(empty);
        };
        let mut finished = std::mem::replace(body, empty);
        body.take_open(&mut finished, this.root);
        drop(guard);
        Segment::submit(this, Some(finished));
    }
}
