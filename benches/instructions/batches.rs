//! Which part of a run is counted: batches of work, once the process is warm.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Work that is not counted. The tracer reads the system's clock, for a hundred instructions more, until its
/// worker has had half a second to compare it with the processor's counter (`src/clock/counted.rs`): counted from the
/// start on, a span costs what the speed of the machine makes it cost.
const WARM_UP: Duration = Duration::from_millis(600);

/// At least so many, for the vectors that grow.
const WARM_UP_BATCHES: u32 = 5;

/// What callgrind counts: the function [`counted`], whatever is before and behind it in its full name.
pub(crate) const COUNTED: &str = "*instructions*batches*counted*";

/// The same on the worker's thread: the function that encodes a chunk.
pub(crate) const ENCODED: &str = "*encode*encoder*Encoder*add*";

/// How a case does its work.
#[derive(Clone, Copy)]
pub(crate) struct Batches {
    /// Pieces of work in each.
    pub(crate) pieces: u64,
    /// How many are counted. Without any, one piece is done, and nothing needs to be warm.
    pub(crate) counted: u64,
}

impl Batches {
    /// Does the work, and `between` after each batch, which is not counted.
    pub(crate) fn run(self, between: impl Fn(), mut piece: impl FnMut()) {
        if self.counted == 0 {
            piece();
            return between();
        }
        let mut batch = || (0..self.pieces).for_each(|_| piece());
        // The worker notes the clocks for the first time.
        between();
        let start = Instant::now();
        for done in 0.. {
            // One batch more after the time: it is between them that the worker looks at the clocks.
            let is_last = start.elapsed() >= WARM_UP && done >= WARM_UP_BATCHES;
            batch();
            between();
            if is_last {
                break;
            }
        }
        for _ in 0..self.counted {
            counted(&mut batch);
            between();
        }
    }

    /// As [`Batches::run`], where all of it is counted: what the worker does in `between` does not depend on clocks.
    pub(crate) fn run_without_warm_up(self, between: impl Fn(), mut piece: impl FnMut()) {
        for _ in 0..self.counted.max(1) {
            (0..self.pieces).for_each(|_| piece());
            between();
        }
    }
}

/// A function of its own, and no other with its name: callgrind counts from its call to its return.
#[inline(never)]
fn counted(batch: &mut dyn FnMut()) {
    batch();
    // Were the call the last that happens here, it could become a jump, after which nothing returns.
    black_box(());
}
