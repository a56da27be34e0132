//! Signals that tell the program to end.

use std::io;
use std::time::Duration;

use tracehound_machine::on_termination;

use super::exit::end_within;
use super::global;

/// Sends what is left when `SIGTERM` or `SIGINT` tells the program to end (feature `signals`, Unix).
///
/// For programs that have no handling of their own, such as in a container that is stopped: without this the signal
/// ends the process at once, and the spans of the last second are lost in silence. A thread waits for the signal,
/// sends what all tracers of this process have, within `timeout`, says what was lost, and then lets the process
/// end by the signal as it would have. A second signal ends it at once.
///
/// - A handler that the program set **before** is called as ever, and what it does decides; meanwhile the tracer of
///   the process is flushed.
/// - A handler that it sets **later** takes the place of this one. Where both are set through the crate
///   `signal-hook`, as tokio does, both count, and the process ends: a program that shuts down in its own way, with
///   `tokio::signal` for example, does not call this, but [`flush`](crate::flush) at its end.
/// - A signal that is ignored stays ignored.
/// - Children that are forked end at these signals as they would without this, unless they call it themselves.
///
/// It is never installed unasked. `SIGKILL`, `abort` and `_exit` leave no time for anything.
///
/// # Errors
///
/// Where the system has no room for another thread or descriptor.
///
/// ```no_run
/// let _guard = tracehound::init();
/// tracehound::on_signals(std::time::Duration::from_secs(2))?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn on_signals(timeout: Duration) -> io::Result<()> {
    on_termination(move |ends| {
        if ends {
            end_within(timeout);
        } else {
            // What was not delivered is kept, and tried again.
            let _ = global::flush(timeout);
        }
    })
}
