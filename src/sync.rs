//! Locks that cannot fail, and a value that is swapped whole.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// Locks, whoever panicked while holding the lock before.
///
/// What these locks guard is plain data that is consistent between any two statements, so poison says
/// nothing about it, and a tracer must not turn one panic of the application into many.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A value that readers share and a writer replaces whole.
///
/// For settings that change rarely and are read once per trace: a reader holds the lock for one
/// reference count only, so it never waits for a writer that is preparing the next value.
#[derive(Debug, Default)]
pub(crate) struct Snapshot<T>(RwLock<Arc<T>>);

impl<T> Snapshot<T> {
    pub(crate) fn new(value: T) -> Self {
        Snapshot(RwLock::new(Arc::new(value)))
    }

    pub(crate) fn load(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn store(&self, value: T) {
        let fresh = Arc::new(value);
        let old = {
            let mut slot = self.0.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *slot, fresh)
        };
        // Outside the lock: the value's destructor is not ours to hurry.
        drop(old);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poisoned_lock_still_opens() {
        let mutex = Mutex::new(1);
        let _ = std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    let _guard = mutex.lock();
                    panic!("poison");
                })
                .join()
        });
        assert!(mutex.is_poisoned());
        assert_eq!(*lock(&mutex), 1);
    }

    #[test]
    fn a_snapshot_keeps_its_value_for_those_who_hold_it() {
        let snapshot = Snapshot::new(1);
        let before = snapshot.load();
        snapshot.store(2);
        assert_eq!((*before, *snapshot.load()), (1, 2));
    }
}
