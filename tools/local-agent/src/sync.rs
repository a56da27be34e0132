//! Locks that do not care about poison.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks; what a panicking holder left behind is used as it is, since every update is complete
/// before the next can fail.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
