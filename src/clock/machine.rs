//! The clocks of the machine, and what its kernel thinks of them.

use std::fs;

use tracehound_machine::{HAS_COUNTER, counter};

use super::ticks::system_ns;

/// What the keeper wants to know of a machine.
pub(super) trait Machine {
    /// The processor's counter.
    fn count(&self) -> u64;

    /// The system's monotonic clock, in nanoseconds.
    fn system_ns(&self) -> i64;

    /// Whether the kernel reads the counter for its own clocks; `None` where it does not say.
    fn trusts_counter(&self) -> Option<bool>;
}

pub(super) struct ThisMachine;

impl Machine for ThisMachine {
    fn count(&self) -> u64 {
        counter()
    }

    fn system_ns(&self) -> i64 {
        system_ns()
    }

    /// The kernel counts with the counter only where that is always as fast and all processors agree, and watches it
    /// further: when it turns out to be unsteady, another name is in this file.
    fn trusts_counter(&self) -> Option<bool> {
        if !HAS_COUNTER {
            return Some(false);
        }
        let name = fs::read("/sys/devices/system/clocksource/clocksource0/current_clocksource");
        Some(name.ok()?.trim_ascii() == b"tsc")
    }
}
