//! The locks and atomics behind a trace's lock, its sampling decision and the hand-off to the worker. They are those of
//! the standard library, or models of them in the tests that try every interleaving of threads.
//!
//! Those tests are in files called `models.rs`, beside what they test. They are run with
//!
//! ```text
//! RUSTFLAGS="--cfg tracehound_model" cargo test -p tracehound --lib --target-dir target/models models::
//! ```
//!
//! In all other builds there is nothing here but other modules' names. No time passes in a model: a thread that waits
//! and is not woken waits for ever, and loom reports that.

#[cfg(all(test, tracehound_model))]
pub(crate) use model::*;
#[cfg(not(all(test, tracehound_model)))]
pub(crate) use real::*;

#[cfg(not(all(test, tracehound_model)))]
#[cfg_attr(not(feature = "agent"), allow(unused_imports, reason = "of the pipeline"))]
mod real {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
    pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

    pub(crate) use tracehound_machine::{ShortGuard, ShortLock};

    pub(crate) use crate::sync::{inherited, lock, lock_soon};
}

#[cfg(all(test, tracehound_model))]
mod model {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
    pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap()
    }

    pub(crate) fn lock_soon<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
        mutex.try_lock().ok()
    }

    pub(crate) fn inherited<T: Copy>(mutex: &Mutex<T>) -> Option<T> {
        lock_soon(mutex).map(|value| *value)
    }

    /// A mutex of the model in place of [`tracehound_machine::ShortLock`], which has models of its own. No model has
    /// code that locks again what its thread holds already.
    #[derive(Debug)]
    pub(crate) struct ShortLock<T>(Mutex<T>);

    pub(crate) type ShortGuard<'a, T> = MutexGuard<'a, T>;

    impl<T> ShortLock<T> {
        pub(crate) fn new(value: T) -> Self {
            ShortLock(Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> Option<ShortGuard<'_, T>> {
            self.0.lock().ok()
        }

        pub(crate) fn is_held_here(&self) -> bool {
            false
        }

        pub(crate) fn get_mut(&mut self) -> &mut T {
            self.0.get_mut().unwrap()
        }
    }

    /// Tries all interleavings with at most `most` switches to another thread where the running one could go on.
    pub(crate) fn every_interleaving(most: usize, model: impl Fn() + Send + Sync + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(most);
        builder.max_branches = 20_000;
        builder.check(model);
    }
}
