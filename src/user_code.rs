//! The one way in which the library calls functions of the program. A panic is caught, counted, and said once. A
//! function that calls back into the library, and so itself, is not called again.

use std::cell::Cell;

use tracehound_fork::WriteOnce;

use crate::catch::catch;
use crate::diag::Diag;
use crate::panics::{self, Panicked};

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
    Hook,
    Filter,
    #[cfg_attr(
        not(feature = "struct-tags"),
        allow(dead_code, reason = "values are not serialized")
    )]
    Serialize,
    WrapExecutor,
}

impl UserCode {
    /// Those that may run under the lock of a trace. No warning is written there, because that can run code of the
    /// program as well; [`say_rest`] does it later.
    const UNDER_LOCK: [UserCode; 2] = [UserCode::Naming, UserCode::DeferredTags];

    /// What it is called in a warning, and what a panic of it leads to.
    const fn described(self) -> (&'static str, &'static str) {
        match self {
            UserCode::Sampler => ("the sampler", "the trace is kept"),
            UserCode::SamplingRule => ("a sampling rule's function", "it does not match"),
            UserCode::Propagator => ("a propagator", "what it carries is left out"),
            UserCode::ContextProvider => ("the context provider", "nothing is active"),
            UserCode::Naming => ("a naming function", "the span has no name of it"),
            UserCode::DeferredTags => ("deferred tags", "they are left out"),
            UserCode::Error => {
                ("an error or a value that was to be described", "its text is left out")
            }
            UserCode::Hook => ("a hook", "the span goes on, and so do the other hooks"),
            UserCode::Filter => ("a trace filter", "the trace goes on as the filter has left it"),
            UserCode::Serialize => ("a value that was to be serialized", "it is left out"),
            UserCode::WrapExecutor => ("the wrap executor", "the function runs all the same"),
        }
    }

    /// How many calls of this kind may be nested on a thread. Without a limit, a function that causes itself to be
    /// called again would never return.
    const fn max_depth(self) -> u64 {
        match self {
            UserCode::ContextProvider | UserCode::Error | UserCode::Serialize => 4,
            _ => 1,
        }
    }

    /// Where its four bits are in [`RUNNING`].
    const fn shift(self) -> u32 {
        (self as u32) << 2
    }

    /// How many calls of this kind are running on this thread.
    fn depth(self) -> u64 {
        (RUNNING.get() >> self.shift()) & 15
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

thread_local! {
    /// How many calls of each kind are running on this thread, in four bits for each kind.
    static RUNNING: Cell<u64> = const { Cell::new(0) };
}

/// Whether a function of this kind is running on this thread.
pub(crate) fn is_running(code: UserCode) -> bool {
    code.depth() > 0
}

/// Calls a function of the program.
///
/// `None` if it panicked, which is counted, and said the first time. Also `None` if it was not called, because as many
/// calls of its kind as may be nested are running on this thread.
pub(crate) fn call<T>(code: UserCode, diag: &Diag, work: impl FnOnce() -> T) -> Option<T> {
    if code.depth() >= code.max_depth() {
        return None;
    }
    let running = RUNNING.get();
    RUNNING.set(running + (1 << code.shift()));
    let before = panics::set_aside();
    let done = catch(work);
    let caught = panics::put_back(before);
    if done.is_none() {
        count_with(code, diag, caught.as_deref());
    }
    // Not earlier: an allocator of the program may bring `report` back here.
    RUNNING.set(running);
    done
}

/// As [`call`], for functions that are called for each span: less is done where none panics, and where one does, what
/// is known of the thread's panic before is forgotten, unless that one unwinds.
#[inline]
pub(crate) fn call_often(code: UserCode, diag: &Diag, work: impl FnOnce()) {
    let running = RUNNING.get();
    if code.depth() >= code.max_depth() {
        return;
    }
    if std::thread::panicking() {
        call(code, diag, work);
        return;
    }
    RUNNING.set(running + (1 << code.shift()));
    if catch(work).is_none() {
        count_with(code, diag, panics::set_aside().as_deref());
    }
    RUNNING.set(running);
}

/// Counts a panic that was caught, and says the first time what is known of it.
#[cold]
pub(crate) fn count_with(code: UserCode, diag: &Diag, caught: Option<&Panicked>) {
    let said = match caught {
        Some(Panicked { message: Some(message), place, .. }) => format!(" ({message:?}, {place})"),
        Some(Panicked { place, .. }) => format!(" ({place})"),
        None => String::new(),
    };
    report(code, diag, 1, &said);
}

/// Counts the panics of functions that are called where no tracer is known, and says them.
pub(crate) fn elsewhere() -> &'static Diag {
    static ELSEWHERE: WriteOnce<Diag> = WriteOnce::new();
    ELSEWHERE.get_or_make(|| Diag::new(false, None))
}

#[cold]
fn report(code: UserCode, diag: &Diag, panics: u64, said: &str) {
    diag.caught().add(panics);
    if UserCode::UNDER_LOCK.contains(&code) {
        diag.caught().put_off(code.bit());
    } else {
        say(code, diag, said);
    }
}

/// Counts panics that the caller has caught itself.
pub(crate) fn count(code: UserCode, diag: &Diag, panics: u64) {
    if panics > 0 {
        report(code, diag, panics, "");
    }
}

fn say(code: UserCode, diag: &Diag, said: &str) {
    let (name, consequence) = code.described();
    diag.warn_once(name, || format!("{name} panicked{said}: {consequence}; said once, counted on"));
}

/// Writes the warnings about panics that were caught under a lock. To be called where no lock is held.
#[inline]
pub(crate) fn say_rest(diag: &Diag) {
    let unsaid = diag.caught().take_unsaid();
    if unsaid != 0 {
        say_all(unsaid, diag);
    }
}

#[cold]
fn say_all(unsaid: u16, diag: &Diag) {
    for code in UserCode::UNDER_LOCK.into_iter().filter(|code| unsaid & code.bit() != 0) {
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

    const ALL: [UserCode; 10] = [
        UserCode::Sampler,
        UserCode::SamplingRule,
        UserCode::Propagator,
        UserCode::ContextProvider,
        UserCode::Naming,
        UserCode::DeferredTags,
        UserCode::Error,
        UserCode::Hook,
        UserCode::Filter,
        UserCode::Serialize,
    ];

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
    fn what_is_called_often_is_counted_said_and_not_nested_either() {
        let (diag, lines) = recording();
        let calls = Cell::new(0);
        call_often(UserCode::Hook, &diag, || {
            calls.set(calls.get() + 1);
            call_often(UserCode::Hook, &diag, || calls.set(100));
        });
        for _ in 0..2 {
            call_often(UserCode::Hook, &diag, || panic!("egg"));
        }
        assert!(!is_running(UserCode::Hook));
        assert_eq!((calls.get(), diag.caught().count()), (1, 2));
        assert_eq!(written(&lines).len(), 1);
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
        fn recurse(code: UserCode, diag: &Diag) -> u64 {
            let inside = call(code, diag, || recurse(code, diag));
            inside.map_or(0, |depth| depth + 1)
        }
        let (diag, lines) = recording();
        for code in ALL {
            assert_eq!(recurse(code, &diag), code.max_depth());
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
