//! The clocks of the machine, and whether its kernel trusts the counter.

use tracehound_machine::{HAS_COUNTER, counter, read_beginning};

use super::ticks::system_ns;

/// What the keeper asks a machine. A trait, so that tests can set clocks by hand.
pub(super) trait Machine {
    /// The processor's counter.
    fn count(&self) -> u64;

    /// The system's monotonic clock, in nanoseconds.
    fn system_ns(&self) -> i64;

    /// Whether the kernel reads the counter for its own clocks; `None` where it does not say.
    fn trusts_counter(&self) -> Option<bool>;
}

/// Bytes of the name of a clock source; the kernel's limit is 32.
const LONGEST_NAME: u64 = 64;

pub(super) struct ThisMachine;

impl Machine for ThisMachine {
    fn count(&self) -> u64 {
        counter()
    }

    fn system_ns(&self) -> i64 {
        system_ns()
    }

    /// The kernel uses the counter for its own clocks only if its rate is constant and all processors agree. It goes on
    /// watching it: if the counter turns out to be unsteady, this file has another name in it.
    fn trusts_counter(&self) -> Option<bool> {
        if !HAS_COUNTER {
            return Some(false);
        }
        let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        let name = read_beginning(path, LONGEST_NAME).ok()?;
        Some(name.trim_ascii() == b"tsc")
    }
}
