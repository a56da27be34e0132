//! The message and the place of a panic. Only the panic hook is told them, so a hook of our own keeps them for each
//! thread.

use std::cell::Cell;
use std::fmt::Write as _;
use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::clock::{self, Ticks};
use crate::frames::{self, Frames};
use crate::text::{Text, first_bytes};

/// The last panic that began on this thread.
#[derive(Clone, Debug)]
pub(crate) struct Panicked {
    /// Its message, unless the payload is no text.
    pub(crate) message: Option<Text>,
    /// `panicked at FILE:LINE:COLUMN`
    pub(crate) place: String,
    /// Its stack, if `RUST_BACKTRACE` asks for stacks.
    pub(crate) frames: Option<Frames>,
    pub(crate) at: Ticks,
}

/// Longer messages are cut, as the values of tags are.
const MAX_MESSAGE_BYTES: usize = 25_000;

/// How many frames are taken. How many the tracer wants that reports the panic is not known in the hook.
const MAX_FRAMES: usize = 256;

thread_local! {
    /// Boxed, so that only one word is moved in and out.
    static LAST: Cell<Option<Box<Panicked>>> = const { Cell::new(None) };
}

/// Installs a panic hook that keeps the panic and then calls the hook that the program has. Once in a process.
///
/// While the thread is panicking std refuses new hooks, so nothing is done; a later call installs it.
pub(crate) fn watch() {
    static IS_WATCHING: AtomicBool = AtomicBool::new(false);
    if std::thread::panicking() || IS_WATCHING.swap(true, Ordering::Relaxed) {
        return;
    }
    let of_program = take_hook();
    set_hook(Box::new(move |panic| {
        keep(note(panic));
        of_program(panic);
    }));
}

/// Runs in the panic hook, where a panic would abort the program.
fn note(panic: &PanicHookInfo<'_>) -> Panicked {
    let mut place = String::from("panicked");
    if let Some(location) = panic.location() {
        let _ = write!(place, " at {location}");
    }
    let payload = panic.payload();
    let text = payload.downcast_ref::<&'static str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    Panicked {
        message: text.map(|text| Text::copy(first_bytes(text, MAX_MESSAGE_BYTES))),
        place,
        frames: frames::are_wanted().then(|| Frames::take(MAX_FRAMES)),
        at: clock::now(),
    }
}

fn keep(last: Panicked) {
    let _ = LAST.try_with(|place| place.set(Some(Box::new(last))));
}

/// The last panic that began on this thread, whether it is still unwinding or has been caught.
pub(crate) fn last() -> Option<Panicked> {
    let last = set_aside()?;
    let copy = (*last).clone();
    put_back(Some(last));
    Some(copy)
}

impl Panicked {
    /// Whether the panic began after `start`. An earlier one was caught before, so it cannot be what ends a span that
    /// started then.
    pub(crate) fn is_since(&self, start: Ticks) -> bool {
        self.at.0 >= start.0
    }
}

/// Takes the last panic out, so that one which is about to be caught does not replace it.
pub(crate) fn set_aside() -> Option<Box<Panicked>> {
    LAST.try_with(Cell::take).ok().flatten()
}

/// Undoes [`set_aside`]. Returns the last panic that has begun since.
pub(crate) fn put_back(last: Option<Box<Panicked>>) -> Option<Box<Panicked>> {
    LAST.try_with(|place| place.replace(last)).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catch::catch;

    #[test]
    fn the_last_panic_of_the_thread_is_known_with_its_place() {
        watch();
        watch();
        let before = clock::now();
        assert_eq!(catch(|| panic!("egg {}", 7)), None::<()>);
        let panicked = last().unwrap();
        assert_eq!(panicked.message.as_deref(), Some("egg 7"));
        assert!(panicked.place.starts_with("panicked at src/panics.rs:"), "{}", panicked.place);
        assert!(last().is_some(), "to look takes nothing away");
        assert!(panicked.is_since(before) && !panicked.is_since(Ticks(i64::MAX)));
        let on_another_thread = std::thread::spawn(|| last().is_none());
        assert!(on_another_thread.join().unwrap());
    }

    #[test]
    fn what_is_set_aside_outlives_another_panic() {
        watch();
        catch(|| panic!("outer"));
        let outer = set_aside();
        catch(|| panic!("inner"));
        let inner = put_back(outer).unwrap();
        assert_eq!(inner.message.as_deref(), Some("inner"));
        assert_eq!(last().unwrap().message.as_deref(), Some("outer"));
    }
}
