//! What the worker does while the agent makes it wait.

use std::time::Duration;

/// The longest wait before the worker looks for other work. It bounds how late a call of the application's threads is
/// heard while a request is on its way.
const TICK: Duration = Duration::from_millis(10);

/// What a piece of work leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// There is more of it.
    More,
    /// There is nothing to do for now.
    Idle,
    /// What is waited for is not wanted any more.
    Cancel,
}

/// Work for the time in which the agent is waited for: called again and again, it does a little each time.
pub(crate) type Meanwhile<'a> = &'a mut (dyn FnMut() -> Step + 'a);

/// Does some of the work, and says how long to wait for the agent after that, at most `left`; `None` where it is not to
/// be waited for any more.
pub(super) fn work(meanwhile: Meanwhile<'_>, left: Duration) -> Option<Duration> {
    match meanwhile() {
        Step::More => Some(Duration::ZERO),
        Step::Idle => Some(left.min(TICK)),
        Step::Cancel => None,
    }
}
