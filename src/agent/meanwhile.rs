//! The worker's other work, which it does while it waits for the agent.

use std::time::Duration;

/// The longest wait before the worker looks for other work. So a call from an application thread is noticed within this
/// time while a request is on its way.
const TICK: Duration = Duration::from_millis(10);

/// The result of a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// There is more of it.
    More,
    /// There is nothing to do for now.
    Idle,
    /// The wait is to be given up.
    Cancel,
}

/// Work to do while waiting for the agent. It is called again and again, and does a little each time.
pub(crate) type Meanwhile<'a> = &'a mut (dyn FnMut() -> Step + 'a);

/// Does some of the work. Returns how long to wait for the agent after that, at most `left`; `None` if the wait is to
/// be given up.
pub(super) fn work(meanwhile: Meanwhile<'_>, left: Duration) -> Option<Duration> {
    match meanwhile() {
        Step::More => Some(Duration::ZERO),
        Step::Idle => Some(left.min(TICK)),
        Step::Cancel => None,
    }
}
