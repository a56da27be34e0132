//! How the tools fail, and how they do not.

use std::io;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// The value, or a panic that says what was being done and blames the caller.
#[track_caller]
pub(crate) fn must<T>(doing: &str, result: io::Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{doing}: {error}"),
    }
}

/// The lock, even if a test panicked while holding it: poison is not an error.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is made once. A failure is kept as well: to fail once more takes as long as the first time.
pub(crate) type Once<T> = OnceLock<Result<T, String>>;

pub(crate) fn once<T>(made: &Once<T>, make: impl FnOnce() -> io::Result<T>) -> io::Result<&T> {
    let made = made.get_or_init(|| make().map_err(|error| error.to_string()));
    made.as_ref().map_err(|error| io::Error::other(error.as_str()))
}
