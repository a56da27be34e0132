//! How the tools fail, and how they do not.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

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
