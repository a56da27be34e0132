//! What the worker does while the agent makes it wait.

use std::time::Duration;

/// How long it is waited before somebody looks whether there is something to do. It bounds how late a call of the
/// application's threads is heard while a request is on its way.
const TICK: Duration = Duration::from_millis(10);

/// Work for the time in which the agent is waited for: called again and again, it does a little each time, and
/// says whether there is more of it.
pub(crate) type Meanwhile<'a> = &'a mut (dyn FnMut() -> bool + 'a);

/// Does some of the work, and says how long it can be waited for something else then; `left` at the most.
pub(super) fn work(meanwhile: Meanwhile<'_>, left: Duration) -> Duration {
    if meanwhile() { Duration::ZERO } else { left.min(TICK) }
}
