//! Locks that cannot fail, and a value that is replaced as a whole.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};
use std::thread;
use std::time::Duration;

use tracehound_fork::PerProcess;

/// Locks, also if a thread has panicked while it held the lock.
///
/// These locks guard plain data that is consistent after every statement, so a poisoned one is as good as any. A tracer
/// must not turn one panic of the application into many.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks if no thread holds the lock. Does not wait.
pub(crate) fn lock_now<T: ?Sized>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(guard)) => Some(guard.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// How often [`lock_soon`] tries, which takes some twenty milliseconds.
const PATIENCE: u32 = 300;

/// Locks if that takes some twenty milliseconds at the most. For functions that may interrupt the holder of the lock on
/// its own thread: called by an allocator, in a signal handler, or when the process exits in the middle of anything.
///
/// These locks are held for a few instructions at a time. One that stays locked for so long is held further up the
/// stack of this thread, and waiting longer would never end.
pub(crate) fn lock_soon<T: ?Sized>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    for attempt in 0..PATIENCE {
        if let Some(guard) = lock_now(mutex) {
            return Some(guard);
        }
        // The holder may not be running: other threads need the processor first.
        let is_long = attempt >= PATIENCE / 2;
        if is_long { thread::sleep(Duration::from_micros(100)) } else { thread::yield_now() }
    }
    None
}

/// A copy of what a lock guards in memory that this process inherited at its fork. `None` if a thread of the parent
/// held the lock then: the data may be half changed, and there is no thread here that would unlock it.
pub(crate) fn inherited<T: Copy>(mutex: &Mutex<T>) -> Option<T> {
    lock_now(mutex).map(|value| *value)
}

/// A value that readers share, and that a writer replaces as a whole.
///
/// For settings that change rarely and are read once per trace. The lock is held only to clone or to swap an [`Arc`],
/// so no reader waits while a writer prepares the next value.
///
/// A forked child starts with the value that its parent had at the fork, or with the very first one if a thread of the
/// parent was replacing the value at that moment.
#[derive(Debug)]
pub(crate) struct Snapshot<T> {
    first: Arc<T>,
    versions: PerProcess<RwLock<Versions<T>>>,
}

#[derive(Debug)]
struct Versions<T> {
    newest: Arc<T>,
    /// The value before that, kept until the next one comes. `fork` copies memory page by page while threads of the
    /// parent go on: a child may see the old `newest`, and its memory as it was later. So that must not be freed at
    /// once.
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
