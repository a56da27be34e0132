//! Monotonic nanoseconds, and the way from them to wall time.
//!
//! A span's start and end are readings of one monotonic clock, so a step of the wall clock (NTP, a
//! suspended machine) never makes a duration negative or long. Only the anchor of a trace is wall time.

mod anchor;
mod counted;
mod rate;
mod ticks;

pub(crate) use anchor::{Anchor, unix_ns};
pub(crate) use ticks::{Ticks, now};

/// What the worker does about the clocks, once per flush interval: it bounds how long a step of the wall
/// clock goes unnoticed, and watches over the processor's counter.
#[cfg(feature = "agent")]
pub(crate) fn keep() {
    counted::keep();
    Anchor::renew();
}
