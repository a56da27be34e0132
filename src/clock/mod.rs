//! The clock of spans: monotonic nanoseconds, and their conversion to wall time.
//!
//! - `ticks`: a reading of the clock, and which clock is read.
//! - `counter`: the processor's counter as a clock; what all threads read.
//! - `keeper`: measures the counter in the background, watches it, and gives it up.
//! - `machine`: what the keeper asks the machine; the tests have machines of their own.
//! - `rate`: how fast a counter counts.
//! - `anchor`: from a reading to Unix time, and back.
//!
//! Every span reads [`now`] twice, so what happens there counts (`benches/instructions`). `trace` relies on readings
//! that never go back on a thread, and on an [`Anchor`] that is no older than the last [`keep`]. All threads read the
//! statics here, and only [`keep`] writes them, but for the first anchor. A fork may come between any two of those
//! writes: whoever changes their order has to think of what a child finds then.
//!
//! # What can happen to a time
//!
//! A start and an end are readings of one monotonic clock. Each trace has one anchor, which turns its readings into
//! Unix time; the worker renews the anchor for new traces once per flush interval (a second).
//!
//! - **A step of the wall clock** (NTP, an administrator) changes no duration. Traces that are open keep their anchor,
//!   so their spans stay consistent with each other. Traces that start within a flush interval of the step still have
//!   the old time.
//! - **A suspended machine**: on Linux and Apple's systems the monotonic clock stands still meanwhile, so a span's
//!   duration is without that time. A trace that was open goes on with its anchor: what starts in it after the wake-up
//!   is shown earlier than it was, by the length of the sleep. New traces are right after one flush interval.
//! - **A virtual machine that migrates, or is paused**: where the hypervisor stops the guest's clock, as most do, the
//!   same holds as for a suspended machine; where it does not, that time counts as any other.
//! - **The counter leaps**, as it may in both cases: the keeper compares it with the system's clock once per flush
//!   interval, and gives it up for good. Spans that started or ended between the leap and that comparison are wrong by
//!   the leap. Nothing else is: the clock goes on from where it was before it leapt.
//! - **The kernel gives the counter up**, for instance because it drifts: the keeper does so as well, within a flush
//!   interval, and no reading jumps.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod anchor;
mod counter;
#[cfg(feature = "agent")]
mod keeper;
#[cfg(feature = "agent")]
mod machine;
mod rate;
mod ticks;

pub(crate) use anchor::{Anchor, unix_ns};
pub(crate) use ticks::{Ticks, now};

/// Renews the anchor, so that a step of the wall clock is noticed soon, and watches the processor's counter. The worker
/// calls it once per flush interval.
#[cfg(feature = "agent")]
pub(crate) fn keep() {
    keeper::keep();
    Anchor::renew();
}
