//! What a trace's lock, its sampling decision and the hand-off to the worker are made of: the standard library's locks and atomics, or,
//! where every interleaving of threads is tried, a model of them.
//!
//! The models, `models.rs` beside what they try, are run with
//!
//! ```text
//! RUSTFLAGS="--cfg tracehound_model" cargo test -p tracehound --lib --target-dir target/models models::
//! ```
//!
//! and at no other time: in all other builds there is nothing here but names of the standard library and of
//! [`sync`](crate::sync). No time passes in a model: who waits for somebody and is not called waits for ever, which is
//! found.

#[cfg(all(test, tracehound_model))]
pub(crate) use model::*;
#[cfg(not(all(test, tracehound_model)))]
pub(crate) use real::*;

#[cfg(not(all(test, tracehound_model)))]
#[cfg_attr(not(feature = "agent"), allow(unused_imports, reason = "of the pipeline"))]
mod real {
    pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

    pub(crate) use tracehound_machine::{ShortGuard, ShortLock};

    pub(crate) use crate::sync::{inherited, lock, lock_soon};
}

#[cfg(all(test, tracehound_model))]
mod model {
    pub(crate) use loom::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
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

    /// The model's mutex in place of [`tracehound_machine::ShortLock`], which has models of its own. No thread comes back
    /// to what it has locked: no model has code that does.
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

    /// Tries all interleavings in which threads lose the processor at most so often where they need not.
    pub(crate) fn every_interleaving(most: usize, model: impl Fn() + Send + Sync + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(most);
        builder.max_branches = 20_000;
        builder.check(model);
    }
}
