//! The symbols of the addresses of a stack.

use std::cell::Cell;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use addr2line::Location;
use tracehound_fork::PerProcess;

use super::mappings::Mappings;
use super::module::Module;

/// What is known of a function on a stack: its name and the place in its source.
#[derive(Default)]
pub(super) struct Symbol<'a> {
    pub(super) function: Option<&'a str>,
    pub(super) location: Option<&'a Location<'a>>,
}

/// A callback that gets one symbol after the other.
pub(super) type Each<'a> = &'a mut dyn FnMut(Symbol<'_>) -> fmt::Result;

/// The files with the code of the process, as far as stacks had addresses in them. What was read of a file is kept: the
/// first stack in it takes some tenths of a second, for the debug information; later ones take a millisecond.
#[derive(Default)]
struct Symbols {
    mappings: Mappings,
    /// By path; `None` for a file that cannot be read.
    modules: Vec<(String, Option<Module>)>,
}

/// As a rule only the worker locks it. A thread that reads the tag `error.stack` of a span may wait for it; a thread
/// that takes a stack does not.
static SYMBOLS: PerProcess<Mutex<Symbols>> = PerProcess::new();

thread_local! {
    /// An allocator of the program may report an error itself, and so call this again on the same thread.
    static IS_LOOKING: Cell<bool> = const { Cell::new(false) };
}

/// Calls `each` for the functions at the addresses. An address has several where functions were inlined, the innermost
/// first.
pub(super) fn look_up(addresses: &[usize], each: Each<'_>) -> fmt::Result {
    if IS_LOOKING.try_with(|is_looking| is_looking.replace(true)) != Ok(false) {
        return addresses.iter().try_for_each(|_| each(Symbol::default()));
    }
    let end = EndOfLook;
    let symbols = SYMBOLS.get_or_make(Mutex::default);
    let mut symbols = symbols.lock().unwrap_or_else(PoisonError::into_inner);
    // Each address is where a call returns to. The call itself is before that.
    let mut calls = addresses.iter().filter_map(|address| address.checked_sub(1));
    let told = calls.try_for_each(|address| symbols.look_up(address, each));
    drop(symbols);
    drop(end);
    told
}

struct EndOfLook;

impl Drop for EndOfLook {
    fn drop(&mut self) {
        let _ = IS_LOOKING.try_with(|is_looking| is_looking.set(false));
    }
}

impl Symbols {
    fn look_up(&mut self, address: usize, each: Each<'_>) -> fmt::Result {
        let found = self.mappings.find(address as u64);
        let Some((path, offset)) = found else { return each(Symbol::default()) };
        let known = self.modules.iter().position(|(of, _)| of == path);
        let at = known.unwrap_or_else(|| {
            self.modules.push((path.to_owned(), Module::open(path)));
            self.modules.len() - 1
        });
        match self.modules.get(at).and_then(|(_, module)| module.as_ref()) {
            Some(module) => module.look_up(offset, each),
            None => each(Symbol::default()),
        }
    }
}
