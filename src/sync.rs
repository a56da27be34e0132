//! Locks that cannot fail, and a value that is swapped whole.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};
use std::thread;
use std::time::Duration;

use tracehound_fork::PerProcess;

/// Locks, whoever panicked while holding the lock before.
///
/// What these locks guard is plain data that is consistent between any two statements, so poison says
/// nothing about it, and a tracer must not turn one panic of the application into many.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The lock, if nobody holds it.
pub(crate) fn lock_now<T: ?Sized>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(guard)) => Some(guard.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// How often [`lock_soon`] tries: some twenty milliseconds.
const PATIENCE: u32 = 300;

/// The lock, if it is to be had soon. For what may be called where the caller holds it already: within an
/// allocator, in a signal handler, at an exit in the midst of anything.
///
/// Who holds such a lock holds it for a few instructions; that it is not given back for so long means that its
/// holder is below this call.
pub(crate) fn lock_soon<T: ?Sized>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    for attempt in 0..PATIENCE {
        if let Some(guard) = lock_now(mutex) {
            return Some(guard);
        }
        // Its holder may have lost its processor.
        let is_long = attempt >= PATIENCE / 2;
        if is_long { thread::sleep(Duration::from_micros(100)) } else { thread::yield_now() }
    }
    None
}

/// What a lock of another process guards, which this one was forked from: plain data only, and only if nobody
/// was changing it at the fork. It never waits, for nobody would come.
pub(crate) fn inherited<T: Copy>(mutex: &Mutex<T>) -> Option<T> {
    lock_now(mutex).map(|value| *value)
}

/// A value that readers share and a writer replaces whole.
///
/// For settings that change rarely and are read once per trace: a reader holds the lock for one
/// reference count only, so it never waits for a writer that is preparing the next value.
///
/// A forked child goes on with the value of its parent; with the first one if the fork met a writer.
#[derive(Debug)]
pub(crate) struct Snapshot<T> {
    first: Arc<T>,
    versions: PerProcess<RwLock<Versions<T>>>,
}

#[derive(Debug)]
struct Versions<T> {
    newest: Arc<T>,
    /// Kept until the next one, so that a child whose parent is just writing never finds `newest` freed.
    before: Option<Arc<T>>,
}

impl<T> Snapshot<T> {
    pub(crate) fn new(value: T) -> Self {
        let first = Arc::new(value);
        let versions = Versions { newest: Arc::clone(&first), before: None };
        Snapshot { first, versions: PerProcess::of(RwLock::new(versions)) }
    }

    pub(crate) fn load(&self) -> Arc<T> {
        let versions = self.versions().read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&versions.newest)
    }

    pub(crate) fn store(&self, value: T) {
        self.replace(Arc::new(value), |_| true);
    }

    /// Replaces the value by what `change` makes of it. If another thread has replaced it meanwhile, `change` is called
    /// again, with the newer value.
    pub(crate) fn update(&self, change: impl Fn(&T) -> T) {
        loop {
            let seen = self.load();
            if self.replace(Arc::new(change(&seen)), |newest| Arc::ptr_eq(newest, &seen)) {
                return;
            }
        }
    }

    /// Makes `fresh` the newest value if that is due, as the newest one until now tells; returns whether it was.
    fn replace(&self, fresh: Arc<T>, is_due: impl FnOnce(&Arc<T>) -> bool) -> bool {
        let mut versions = self.versions().write().unwrap_or_else(PoisonError::into_inner);
        if !is_due(&versions.newest) {
            return false;
        }
        let before = std::mem::replace(&mut versions.newest, fresh);
        let old = versions.before.replace(before);
        drop(versions);
        // Outside of the lock, because nothing is known of how long its destructor takes.
        drop(old);
        true
    }

    fn versions(&self) -> &RwLock<Versions<T>> {
        self.versions.get_or_inherit(|of_parent| {
            let newest = match of_parent.map(RwLock::try_read) {
                Some(Ok(versions)) => Arc::clone(&versions.newest),
                Some(Err(TryLockError::Poisoned(versions))) => {
                    Arc::clone(&versions.into_inner().newest)
                }
                Some(Err(TryLockError::WouldBlock)) | None => Arc::clone(&self.first),
            };
            RwLock::new(Versions { newest, before: None })
        })
    }
}

impl<T: Default> Default for Snapshot<T> {
    fn default() -> Self {
        Snapshot::new(T::default())
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
    fn a_lock_that_its_holder_asks_for_again_is_not_waited_for() {
        let mutex = Mutex::new(1);
        let held = lock_soon(&mutex);
        assert!(held.is_some() && lock_soon(&mutex).is_none());
        drop(held);
        assert_eq!(lock_soon(&mutex).as_deref(), Some(&1));
    }

    #[test]
    fn what_another_process_locked_is_not_waited_for() {
        let mutex = Mutex::new(1);
        assert_eq!(inherited(&mutex), Some(1));
        let held = lock(&mutex);
        assert_eq!(inherited(&mutex), None);
        drop(held);
    }

    #[test]
    fn no_update_of_any_thread_is_lost() {
        let snapshot = Snapshot::new(Vec::new());
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let snapshot = &snapshot;
                scope.spawn(move || {
                    for number in 0..250 {
                        snapshot.update(|all| [&all[..], &[(thread, number)]].concat());
                    }
                });
            }
        });
        assert_eq!(snapshot.load().len(), 1_000);
    }

    #[test]
    fn a_snapshot_keeps_its_value_for_those_who_hold_it() {
        let snapshot = Snapshot::new(1);
        let before = snapshot.load();
        snapshot.store(2);
        assert_eq!((*before, *snapshot.load()), (1, 2));
    }
}
