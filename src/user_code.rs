//! The one way in which the library calls functions of the program: a panic is caught, counted and said once, and a
//! function that comes back to itself is not called again.

use std::cell::Cell;

use tracehound_fork::WriteOnce;

use crate::catch::catch;
use crate::diag::Diag;
use crate::panics;

/// The kinds of functions of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UserCode {
    Sampler,
    SamplingRule,
    Propagator,
    ContextProvider,
    Naming,
    DeferredTags,
    Error,
    Serialize,
}

struct Facts {
    /// What it is called in a warning, and what a panic of it has for a consequence.
    name: &'static str,
    then: &'static str,
    /// How deep calls of one kind may be within one another on a thread: a function that calls what calls it again
    /// would not end otherwise.
    most: u32,
    /// Whether it may run under a lock of ours: then the warning comes later.
    is_locked: bool,
}

impl UserCode {
    const ALL: [UserCode; 8] = [
        UserCode::Sampler,
        UserCode::SamplingRule,
        UserCode::Propagator,
        UserCode::ContextProvider,
        UserCode::Naming,
        UserCode::DeferredTags,
        UserCode::Error,
        UserCode::Serialize,
    ];

    const fn facts(self) -> Facts {
        let (name, then, most, is_locked) = match self {
            UserCode::Sampler => ("the sampler", "the trace is kept", 1, true),
            UserCode::SamplingRule => ("a sampling rule's function", "it does not match", 1, true),
            UserCode::Propagator => ("a propagator", "what it carries is left out", 1, false),
            UserCode::ContextProvider => ("the context provider", "nothing is active", 4, false),
            UserCode::Naming => ("a naming function", "the span has no name of it", 1, true),
            UserCode::DeferredTags => ("a late tag", "it is left out", 1, true),
            UserCode::Error => {
                ("an error that was to be described", "its text is left out", 4, false)
            }
            UserCode::Serialize => {
                ("a value that was to be serialized", "it is left out", 4, false)
            }
        };
        Facts { name, then, most, is_locked }
    }

    /// Its place among four bits of each kind.
    const fn shift(self) -> u32 {
        (self as u32) << 2
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

thread_local! {
    /// How many calls of each kind run on this thread, within one another.
    static RUNNING: Cell<u32> = const { Cell::new(0) };
}

/// Counts one call, until it is dropped.
struct Running {
    before: u32,
}

impl Running {
    fn enter(code: UserCode) -> Option<Self> {
        let before = RUNNING.get();
        if (before >> code.shift()) & 15 >= code.facts().most {
            return None;
        }
        RUNNING.set(before + (1 << code.shift()));
        Some(Running { before })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.set(self.before);
    }
}

/// Whether a function of this kind runs on this thread.
pub(crate) fn is_running(code: UserCode) -> bool {
    (RUNNING.get() >> code.shift()) & 15 != 0
}

/// Calls a function of the program.
///
/// `None` where it panicked, which is counted, and said the first time; and where it was not called, because it is
/// what called us.
pub(crate) fn call<T>(code: UserCode, diag: &Diag, work: impl FnOnce() -> T) -> Option<T> {
    let _running = Running::enter(code)?;
    let before = panics::set_aside();
    let done = catch(work);
    let caught = panics::put_back(before);
    if done.is_none() {
        let caught = caught.map(|panicked| match panicked.message {
            Some(message) => format!(" ({message:?}, {})", panicked.place),
            None => format!(" ({})", panicked.place),
        });
        report(code, diag, 1, &caught.unwrap_or_default());
    }
    done
}

/// What is to be said of functions that no tracer is known for, and their count.
pub(crate) fn elsewhere() -> &'static Diag {
    static ELSEWHERE: WriteOnce<Diag> = WriteOnce::new();
    ELSEWHERE.get_or_make(|| Diag::new(false, None))
}

#[cold]
fn report(code: UserCode, diag: &Diag, panics: u64, said: &str) {
    diag.caught().add(panics);
    if code.facts().is_locked {
        diag.caught().put_off(code.bit());
    } else {
        say(code, diag, said);
    }
}

/// Counts panics that were caught one by one.
pub(crate) fn count(code: UserCode, diag: &Diag, panics: u64) {
    if panics > 0 {
        report(code, diag, panics, "");
    }
}

fn say(code: UserCode, diag: &Diag, said: &str) {
    let Facts { name, then, .. } = code.facts();
    diag.warn_once(name, || format!("{name} panicked{said}: {then}; said once, counted on"));
}

/// Says what was caught under a lock. To be called where none is held.
#[inline]
pub(crate) fn say_rest(diag: &Diag) {
    let unsaid = diag.caught().take_unsaid();
    if unsaid != 0 {
        say_all(unsaid, diag);
    }
}

#[cold]
fn say_all(unsaid: u16, diag: &Diag) {
    for code in UserCode::ALL.into_iter().filter(|code| unsaid & code.bit() != 0) {
        say(code, diag, "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::drain_all_lines;
    use crate::sync::lock;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    fn recording() -> (Diag, Arc<Mutex<Vec<String>>>) {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        (Diag::new(false, Some(Box::new(move |_, line| lock(&sink).push(line.to_owned())))), lines)
    }

    /// What was said so far, which a thread writes.
    fn written(lines: &Mutex<Vec<String>>) -> Vec<String> {
        drain_all_lines(Duration::from_secs(60));
        lock(lines).clone()
    }

    #[test]
    fn a_panic_is_counted_always_and_said_once_with_who_it_was() {
        let (diag, lines) = recording();
        for _ in 0..3 {
            assert_eq!(call(UserCode::Propagator, &diag, || panic!("egg")), None::<()>);
        }
        assert_eq!(call(UserCode::Propagator, &diag, || 1), Some(1));
        assert_eq!(diag.caught().count(), 3);
        let lines = written(&lines);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("a propagator panicked"), "{lines:?}");
    }

    #[test]
    fn under_a_lock_nothing_is_said() {
        let (diag, lines) = recording();
        call(UserCode::Naming, &diag, || panic!("egg"));
        count(UserCode::DeferredTags, &diag, 2);
        assert!(written(&lines).is_empty());
        say_rest(&diag);
        say_rest(&diag);
        assert_eq!((diag.caught().count(), written(&lines).len()), (3, 2));
    }

    #[test]
    fn what_calls_itself_comes_to_an_end() {
        fn recurse(code: UserCode, diag: &Diag) -> u32 {
            let inside = call(code, diag, || recurse(code, diag));
            inside.map_or(0, |depth| depth + 1)
        }
        let (diag, lines) = recording();
        for code in UserCode::ALL {
            assert_eq!(recurse(code, &diag), code.facts().most);
            assert!(!is_running(code));
        }
        let inside = call(UserCode::Sampler, &diag, || {
            assert!(is_running(UserCode::Sampler) && !is_running(UserCode::Naming));
            call(UserCode::Naming, &diag, || is_running(UserCode::Sampler))
        });
        assert_eq!(inside, Some(Some(true)));
        assert!(written(&lines).is_empty());
    }
}
