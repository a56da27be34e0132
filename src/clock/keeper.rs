//! Measures the processor's counter, watches it while it is in use, and gives it up where it cannot be trusted.
//!
//! It notes a moment by both clocks, and measures the rate by a second moment at the next call. From then on it
//! compares the two clocks, and asks whether the kernel still trusts the counter. Both happen because machines wake up,
//! migrate or have a processor that drifts; the documentation of [`clock`](super) says what that does to a time.

use std::sync::{Mutex, TryLockError};

use tracehound_fork::PerProcess;

use super::counter::{CLOCK, CounterClock};
use super::machine::{Machine, ThisMachine};
use super::rate::{Moment, Rate};

/// How far this process is with the counter. The workers of all tracers call [`keep`]; one at a time takes a step.
///
/// Each process has its own: at a fork, a worker of the parent may be in the middle of a step, which no thread of the
/// child would end.
static STAGE: PerProcess<Mutex<Stage>> = PerProcess::new();

/// The least time for which the rate is measured, and between two comparisons. A moment is exact to about 50 ns, which
/// is a ten-millionth of this time.
const LEAST_NS: i64 = 500_000_000;

/// How far the two clocks may drift apart between two comparisons, in addition to a thousandth of the time between
/// them. (The system's clock is slewed by half a thousandth at the most.)
const TOLERANCE_NS: i64 = 5_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    New,
    /// The first moment is noted. There is no rate yet.
    Measuring,
    /// The last comparison: when it was, by the system's clock, and how far the counter was ahead of that clock.
    InUse {
        compared_ns: i64,
        ahead_ns: i64,
    },
    /// For good.
    GivenUp,
}

/// Takes the next step. For the worker only, because it reads a file.
pub(super) fn keep() {
    keep_with(&STAGE, &CLOCK, &ThisMachine);
}

fn keep_with(stage: &PerProcess<Mutex<Stage>>, clock: &CounterClock, machine: &impl Machine) {
    let stage = stage.get_or_inherit(|of_parent| {
        let of_parent = of_parent.and_then(|stage| stage.try_lock().ok());
        Mutex::new(of_parent.map_or_else(|| Stage::resume(clock), |stage| *stage))
    });
    let mut stage = match stage.try_lock() {
        Ok(stage) => stage,
        Err(TryLockError::Poisoned(stage)) => stage.into_inner(),
        // Another worker is taking a step.
        Err(TryLockError::WouldBlock) => return,
    };
    *stage = stage.next(clock, machine);
}

impl Stage {
    /// The stage of a child whose parent was in the middle of a step at the fork.
    fn resume(clock: &CounterClock) -> Self {
        match clock.is_in_use() {
            true => Stage::started(clock.beginning()),
            false => Stage::New,
        }
    }

    /// The stage in which the counter has just come into use. The clocks agreed at the beginning.
    fn started(beginning: Moment) -> Self {
        Stage::InUse { compared_ns: beginning.ns, ahead_ns: 0 }
    }

    fn next(self, clock: &CounterClock, machine: &impl Machine) -> Self {
        match self {
            Stage::New if machine.trusts_counter() == Some(true) => {
                clock.begin(moment(clock, machine));
                Stage::Measuring
            }
            Stage::New | Stage::GivenUp => Stage::GivenUp,
            Stage::Measuring => {
                let (first, second) = (clock.beginning(), moment(clock, machine));
                if second.ns.saturating_sub(first.ns) < LEAST_NS {
                    return self;
                }
                let rate = Rate::between(first, second);
                if !rate.is_some() {
                    return Stage::GivenUp;
                }
                clock.start(rate);
                Stage::started(first)
            }
            Stage::InUse { compared_ns, ahead_ns: before } => {
                let Moment { count, ns } = moment(clock, machine);
                let since = ns.saturating_sub(compared_ns);
                let Some(counted) = clock.read(|| count) else { return Stage::GivenUp };
                if since < LEAST_NS {
                    return self;
                }
                let ahead_ns = counted.0.saturating_sub(ns);
                let leaps = is_leap(ahead_ns.saturating_sub(before), since);
                // Where the kernel says nothing (`None`), only the comparison counts.
                if leaps || machine.trusts_counter() == Some(false) {
                    clock.stop(if leaps { before } else { ahead_ns });
                    return Stage::GivenUp;
                }
                Stage::InUse { compared_ns: ns, ahead_ns }
            }
        }
    }
}

/// Whether the clocks drifted apart by more than is allowed in the time `since` the last comparison.
fn is_leap(apart: i64, since: i64) -> bool {
    apart.saturating_abs() > TOLERANCE_NS.saturating_add(since / 1_000)
}

/// A moment by both clocks. Of several tries, the shortest one counts, because it was interrupted least.
fn moment(clock: &CounterClock, machine: &impl Machine) -> Moment {
    let attempt = |_| {
        let before = machine.count();
        let ns = clock.by_system(machine.system_ns()).0;
        let took = machine.count().saturating_sub(before);
        (took, Moment { count: before.saturating_add(took / 2), ns })
    };
    let best = (0..8).map(attempt).min_by_key(|(took, _)| *took);
    best.map_or(Moment { count: 0, ns: 0 }, |(_, moment)| moment)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::clock;

    const SECOND: i64 = 1_000_000_000;

    /// A machine whose clocks are set by hand, and what is kept of it. The counter counts three times in a nanosecond.
    struct Bench {
        stage: PerProcess<Mutex<Stage>>,
        clock: CounterClock,
        count: Cell<u64>,
        ns: Cell<i64>,
        trusts: Cell<Option<bool>>,
    }

    impl Machine for Bench {
        fn count(&self) -> u64 {
            self.count.get()
        }

        fn system_ns(&self) -> i64 {
            self.ns.get()
        }

        fn trusts_counter(&self) -> Option<bool> {
            self.trusts.get()
        }
    }

    impl Bench {
        fn new() -> Self {
            let (count, ns, trusts) = (7_000_000.into(), SECOND.into(), Some(true).into());
            Bench { stage: PerProcess::new(), clock: CounterClock::new(), count, ns, trusts }
        }

        /// With a counter that is in use.
        fn counting() -> Self {
            let bench = Bench::new();
            bench.keep();
            assert_eq!(bench.stage(), Stage::Measuring);
            bench.pass(SECOND, 3 * SECOND);
            assert!(!bench.clock.is_in_use());
            bench.keep();
            assert!(bench.clock.is_in_use());
            bench
        }

        fn keep(&self) {
            keep_with(&self.stage, &self.clock, self);
        }

        fn stage(&self) -> Stage {
            *self.stage.get().unwrap().try_lock().unwrap()
        }

        fn pass(&self, ns: i64, counts: i64) {
            self.ns.set(self.ns.get() + ns);
            self.count.set(self.count.get().checked_add_signed(counts).unwrap());
        }

        /// Lets time pass and takes a step; returns the time before the step.
        fn step(&self, ns: i64, counts: i64) -> i64 {
            self.pass(ns, counts);
            let before = self.now();
            self.keep();
            before
        }

        /// As [`clock::now`].
        fn now(&self) -> i64 {
            let counted = self.clock.read(|| self.count());
            counted.unwrap_or_else(|| self.clock.by_system(self.system_ns())).0
        }
    }

    #[test]
    fn no_time_jumps_where_the_kernel_gives_the_counter_up() {
        let bench = Bench::counting();
        for drift in [0, 2_000, -1_500, 900_000] {
            let before = bench.step(SECOND, 3 * (SECOND + drift));
            assert_eq!((bench.now(), bench.clock.is_in_use()), (before, true));
        }
        bench.trusts.set(None);
        bench.step(SECOND, 3 * SECOND);
        assert!(bench.clock.is_in_use(), "a file that cannot be read says nothing");
        bench.trusts.set(Some(false));
        let before = bench.step(SECOND, 3 * (SECOND + 70));
        assert_eq!((bench.now(), bench.stage()), (before, Stage::GivenUp));
        assert!(!bench.clock.is_in_use());
        // From now on the counter may do what it wants.
        bench.trusts.set(Some(true));
        bench.step(10 * SECOND, -5);
        assert_eq!((bench.now(), bench.stage()), (before + 10 * SECOND, Stage::GivenUp));
    }

    #[test]
    fn a_counter_that_leaps_is_given_up_and_the_time_goes_on_from_before() {
        for leap in [-2 * SECOND, 7_000_000, 3_600 * SECOND] {
            let bench = Bench::counting();
            let before = bench.step(SECOND, 3 * (SECOND + 1_000));
            bench.step(SECOND, 3 * (SECOND + leap));
            assert_eq!((bench.now(), bench.stage()), (before + SECOND, Stage::GivenUp), "{leap}");
        }
    }

    #[test]
    fn a_counter_that_the_kernel_does_not_trust_or_that_stands_still_is_not_used() {
        for trusts in [Some(false), None] {
            let bench = Bench::new();
            bench.trusts.set(trusts);
            bench.keep();
            assert_eq!(bench.stage(), Stage::GivenUp);
        }
        let bench = Bench::new();
        for _ in 0..2 {
            bench.keep();
            bench.pass(SECOND, 0);
        }
        assert_eq!((bench.stage(), bench.now()), (Stage::GivenUp, 3 * SECOND));
    }

    #[test]
    fn what_is_asked_too_soon_waits() {
        let bench = Bench::new();
        bench.keep();
        bench.step(LEAST_NS - 1, 3 * LEAST_NS);
        assert_eq!(bench.stage(), Stage::Measuring);
        let bench = Bench::counting();
        bench.step(SECOND, 3 * SECOND);
        let compared = bench.stage();
        bench.trusts.set(Some(false));
        bench.step(LEAST_NS - 1, 3 * LEAST_NS);
        assert_eq!(bench.stage(), compared);
        bench.step(1, 3);
        assert_eq!(bench.stage(), Stage::GivenUp);
    }

    /// The lock is held as at the fork of a process whose worker takes a step.
    #[cfg(unix)]
    #[test]
    fn a_child_that_is_forked_within_a_step_watches_the_counter_itself() {
        let is_given_up = |bench: &Bench| {
            let stage = bench.stage.get().and_then(|stage| stage.try_lock().ok());
            stage.map(|stage| *stage == Stage::GivenUp)
        };
        let new = Bench::new();
        new.stage.get_or_make(|| Mutex::new(Stage::New));
        let in_child = in_a_child(&new, |bench| {
            bench.keep();
            bench.step(SECOND, 3 * SECOND);
            is_given_up(bench) == Some(false) && bench.clock.is_in_use()
        });
        assert!(in_child, "of a parent that had just begun: measured");
        let in_child = in_a_child(&Bench::counting(), |bench| {
            // A leap that the child sees, and nobody else.
            bench.step(SECOND, 30 * SECOND);
            is_given_up(bench) == Some(true) && !bench.clock.is_in_use()
        });
        assert!(in_child, "of a parent that compared: given up");
    }

    /// What a child says that is forked while this thread holds the lock.
    #[cfg(unix)]
    fn in_a_child(bench: &Bench, says: impl Fn(&Bench) -> bool) -> bool {
        use nix::sys::signal::{Signal, raise};
        use tracehound_fork::{BeforeFork, Watch};

        struct Nothing;
        impl BeforeFork for Nothing {
            fn before_fork() {}
        }
        static WATCH: Watch<Nothing> = Watch::new();
        WATCH.start().unwrap();
        let held = bench.stage.get().unwrap().lock().unwrap();
        let child = match fork::fork().unwrap() {
            fork::Fork::Parent(child) => child,
            // The other threads of the harness are not there, and may hold what an end of the process waits for.
            fork::Fork::Child => loop {
                let _ = raise(if says(bench) { Signal::SIGKILL } else { Signal::SIGABRT });
            },
        };
        drop(held);
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = fork::waitpid_nohang(child).unwrap() {
                return fork::WIFSIGNALED(status)
                    && fork::WTERMSIG(status) == Signal::SIGKILL as i32;
            }
            assert!(Instant::now() < deadline, "the child hangs");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn what_ntp_does_is_no_leap() {
        assert!(!is_leap(500_000, SECOND) && !is_leap(-1_800_000_000, 3_600 * SECOND));
        assert!(is_leap(10_000_000, SECOND) && is_leap(-10_000_000, SECOND));
        assert!(is_leap(i64::MIN, SECOND));
    }

    #[test]
    fn the_counter_of_this_machine_keeps_time() {
        // Whatever the machine, the clock goes on through every stage of this.
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut last = clock::now();
        loop {
            assert!(Instant::now() < deadline);
            keep();
            let next = clock::now();
            // The moments are exact to some ten nanoseconds.
            assert!(next.0 > last.0 - 1_000, "{last:?} {next:?}");
            last = next;
            let stage = STAGE.get().unwrap().try_lock().map(|stage| *stage);
            if matches!(stage, Ok(Stage::InUse { .. } | Stage::GivenUp)) {
                break;
            }
        }
        let (start, counted) = (Instant::now(), clock::now());
        while start.elapsed() < Duration::from_millis(20) {}
        let (took, counted) = (start.elapsed(), clock::now().0 - counted.0);
        let took = i64::try_from(took.as_nanos()).unwrap();
        // Between the readings of the two clocks the thread may have waited for a processor.
        assert!((counted - took).abs() < 15_000_000, "{counted} {took}");
    }
}
