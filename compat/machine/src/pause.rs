//! How to wait for something that takes nanoseconds as a rule.

use std::time::Duration;

use crate::primitives::{IS_MODEL, sleep, spin_loop, yield_now};

/// Longer and longer pauses: of instructions, then of turns of the scheduler, then of time.
///
/// The last make sure that whoever is waited for gets a processor, whatever the priorities of the threads.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    count: u32,
}

/// Pauses of 1, 2, 4, ... 64 instructions.
const SPINS: u32 = if IS_MODEL { 1 } else { 7 };

/// Turns that are left to other threads then.
const TURNS: u32 = if IS_MODEL { 0 } else { 8 };

/// The pauses after that grow from 1 to 512 microseconds.
const SLEEPS: u32 = if IS_MODEL { 1 } else { 10 };

impl Pause {
    /// Whether it has been two milliseconds or so.
    pub(crate) fn is_long(&self) -> bool {
        self.count >= SPINS.saturating_add(TURNS).saturating_add(SLEEPS)
    }

    pub(crate) fn next(&mut self) {
        let slept = self.count.saturating_sub(SPINS.saturating_add(TURNS));
        if self.count < SPINS {
            (0..1u32 << self.count).for_each(|_| spin_loop());
        } else if slept == 0 {
            yield_now();
        } else {
            sleep(Duration::from_micros(1 << slept.saturating_sub(1).min(SLEEPS - 1)));
        }
        self.count = self.count.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pause_is_longer_than_half_a_millisecond_or_so() {
        let mut pause = Pause { count: u32::MAX };
        let start = std::time::Instant::now();
        pause.next();
        assert!(start.elapsed() >= Duration::from_micros(512));
        let mut pause = Pause::default();
        (0..=SPINS + TURNS + SLEEPS).for_each(|_| pause.next());
        assert_eq!(pause.count, SPINS + TURNS + SLEEPS + 1);
    }
}
