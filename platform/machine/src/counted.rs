//! A reference count that can be looked for without being kept.
//!
//! What it buys: the segments of traces serve one trace after the other, and are found at the end of a tracer, and a
//! trace pays for neither. With `Arc` and `Weak` each trace would allocate its segment and be entered where it is
//! found: a root would take 1,229 instructions in place of 749, a span of ten with five tags each 1,490 in place of
//! 1,440.
//! What it costs: this file, the only owner of memory of this project's own. Its count is tried in every interleaving
//! of a few threads (`models/counted.rs`).

use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;

use crate::primitives::{AtomicUsize, Ordering, UnsafeCell, fence};

/// A value with a count of its owners, as an [`Arc`](std::sync::Arc), for values that are used again and again and
/// are to be found meanwhile by somebody who is none of them.
///
/// An `Arc` cannot be both: [`Arc::get_mut`](std::sync::Arc::get_mut) is refused as long as there is any
/// [`Weak`](std::sync::Weak), so a value that somebody looks for could not be changed for its next use. Here the only
/// owner can turn into a [`Sole`] one, during which a [`Finder`] finds nothing. All else is as fast.
///
/// ```
/// use tracehound_machine::Sole;
///
/// let mut value = Sole::new(1);
/// let finder = value.finder();
/// *value = 2;
/// assert!(finder.find().is_none() && !finder.is_gone());
/// let value = value.share();
/// assert_eq!(finder.find().as_deref(), Some(&2));
/// let value = value.into_sole().unwrap();
/// drop(value);
/// assert!(finder.is_gone());
/// ```
pub struct Counted<T> {
    pointer: Pointer<T>,
}

/// The only owner of a value, who can change it, and who is not found.
pub struct Sole<T> {
    owner: Counted<T>,
}

/// Looks for the value of a [`Counted`], which it does not keep.
pub struct Finder<T> {
    pointer: Pointer<T>,
}

/// Where the value is, for a holder of one of the counts there.
struct Pointer<T> {
    block: NonNull<Block<T>>,
    /// Drops the value, as far as the compiler has to know.
    owns: PhantomData<T>,
}

/// It lives until the last finder has gone, and at the least as long as there are owners.
struct Block<T> {
    /// Owners of the value; [`SOLE`] while there is one who is not found, and zero once it has been dropped.
    owners: AtomicUsize,
    /// Finders, and one more for all owners together.
    finders: AtomicUsize,
    /// Changed by a [`Sole`] owner while finders look at the counts beside it.
    value: UnsafeCell<ManuallyDrop<T>>,
}

/// No count: one owner, who has the value for itself.
const SOLE: usize = usize::MAX;

/// More than there can be, if none were forgotten: each takes a byte at the least.
const MAX_COUNT: usize = usize::MAX / 2;

// SAFETY: as an `Arc`: owners on several threads share the value, and the last drops it on its own; a sole owner
// changes it on its own; and a finder gives owners.
#[expect(unsafe_code, reason = "what makes it an owner for threads")]
unsafe impl<T: Send + Sync> Send for Pointer<T> {}

// SAFETY: as above; a reference to any of the handles gives references to the value, and more handles.
#[expect(unsafe_code, reason = "what makes it an owner for threads")]
unsafe impl<T: Send + Sync> Sync for Pointer<T> {}

impl<T: RefUnwindSafe> UnwindSafe for Pointer<T> {}
impl<T: RefUnwindSafe> RefUnwindSafe for Pointer<T> {}

impl<T> Clone for Pointer<T> {
    #[inline]
    fn clone(&self) -> Self {
        Pointer { ..*self }
    }
}

impl<T> Deref for Pointer<T> {
    type Target = Block<T>;

    #[inline]
    #[expect(unsafe_code, reason = "what makes it a pointer")]
    fn deref(&self) -> &Block<T> {
        // SAFETY: an owner or a finder, which each hold a count, keeps the block, and borrows of its handle end before
        // it gives that back. Nobody has a `&mut Block`: what changes is atomic, or in the `UnsafeCell`.
        unsafe { self.block.as_ref() }
    }
}

impl<T> Pointer<T> {
    /// Gives back the count of a finder; the last frees the memory.
    #[inline]
    #[expect(unsafe_code, reason = "what makes it free its memory")]
    fn leave(&self) {
        if self.finders.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        // Whatever others have done there is done before it goes.
        fence(Ordering::Acquire);
        // SAFETY: it was made by `Box::new`, this was the last count, and the value, if it has not been dropped by its
        // last owner, is none that anybody can reach any more; being a `ManuallyDrop` it is not dropped here again.
        drop(unsafe { Box::from_raw(self.block.as_ptr()) });
    }

    #[inline(never)]
    #[expect(unsafe_code, reason = "what makes it an owner")]
    fn drop_value(&self) {
        /// Also where the value's own `drop` panics.
        struct Leave<T>(Pointer<T>);
        impl<T> Drop for Leave<T> {
            fn drop(&mut self) {
                self.0.leave();
            }
        }
        fence(Ordering::Acquire);
        let _leave = Leave(self.clone());
        // SAFETY: this was the last owner, so nobody has a reference to the value; a finder finds nothing where there
        // is none, so nobody gets one; and it happens once. The memory stays until `_leave` gives the owners' count back.
        unsafe { ManuallyDrop::drop(&mut *self.value.to_write()) };
    }
}

impl<T> Sole<T> {
    /// A value with one owner.
    #[must_use]
    pub fn new(value: T) -> Self {
        let block = Box::new(Block {
            owners: AtomicUsize::new(SOLE),
            finders: AtomicUsize::new(1),
            value: UnsafeCell::new(ManuallyDrop::new(value)),
        });
        let block = NonNull::from(Box::leak(block));
        Sole { owner: Counted { pointer: Pointer { block, owns: PhantomData } } }
    }

    /// Lets the value be cloned and found.
    ///
    /// Sequentially consistent, as [`Finder::find`] is: of what is stored so before somebody looks for the value in
    /// vain, its owner knows after this.
    #[inline]
    pub fn share(self) -> Counted<T> {
        // Releases the changes to whoever finds the value from now on.
        self.owner.pointer.owners.swap(1, Ordering::SeqCst);
        Counted { pointer: ManuallyDrop::new(self).owner.pointer.clone() }
    }

    /// Looks for this value from now on.
    #[must_use]
    pub fn finder(&self) -> Finder<T> {
        let pointer = &self.owner.pointer;
        count_one_more(&pointer.finders);
        Finder { pointer: pointer.clone() }
    }
}

impl<T> Counted<T> {
    /// The value for this owner alone, if it has no other one.
    #[inline]
    pub fn into_sole(self) -> Result<Sole<T>, Self> {
        // Acquires what the owners that have gone have done. Nobody but a finder can add to a count of one, and a
        // finder does not add to `SOLE`.
        match self.pointer.owners.compare_exchange(1, SOLE, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => Ok(Sole { owner: self }),
            Err(_) => Err(self),
        }
    }

    /// Whether both are owners of the same value.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.pointer.block == other.pointer.block
    }
}

/// As an `Arc`, it would rather end the program than lose count.
#[inline]
fn count_one_more(count: &AtomicUsize) {
    if count.fetch_add(1, Ordering::Relaxed) > MAX_COUNT {
        std::process::abort();
    }
}

impl<T> Clone for Counted<T> {
    #[inline]
    fn clone(&self) -> Self {
        // Relaxed: whoever has an owner sees the value already. The count is not `SOLE`: that owner is in a `Sole`.
        count_one_more(&self.pointer.owners);
        Counted { pointer: self.pointer.clone() }
    }
}

impl<T> Drop for Counted<T> {
    #[inline]
    fn drop(&mut self) {
        if self.pointer.owners.fetch_sub(1, Ordering::Release) == 1 {
            self.pointer.drop_value();
        }
    }
}

impl<T> Drop for Sole<T> {
    /// As if it were shared and dropped then: the owner within gives back what is a count again.
    fn drop(&mut self) {
        self.owner.pointer.owners.store(1, Ordering::Release);
    }
}

impl<T> Deref for Counted<T> {
    type Target = T;

    #[inline]
    #[expect(unsafe_code, reason = "what makes it an owner")]
    fn deref(&self) -> &T {
        // SAFETY: this is an owner, so the value has not been dropped; only a `Sole` gives `&mut`, out of a borrow of
        // itself, and it is the only owner then.
        unsafe { &*self.pointer.value.to_read() }
    }
}

impl<T> Deref for Sole<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.owner
    }
}

impl<T> DerefMut for Sole<T> {
    #[inline]
    #[expect(unsafe_code, reason = "what makes it an owner")]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the count is `SOLE`: there is no other owner, and none comes to be before `share` or `drop`, because
        // finders find nothing; and this one is borrowed.
        unsafe { &mut *self.owner.pointer.value.to_write() }
    }
}

impl<T> Finder<T> {
    /// The value, if it has an owner who is not a [`Sole`] one.
    #[must_use]
    pub fn find(&self) -> Option<Counted<T>> {
        let one_more = |count: usize| (1..=MAX_COUNT).contains(&count).then(|| count + 1);
        // Acquires what the sole owner has changed before.
        self.pointer.owners.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).ok()?;
        Some(Counted { pointer: self.pointer.clone() })
    }

    /// Whether the value was dropped, for good.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.pointer.owners.load(Ordering::Relaxed) == 0
    }
}

impl<T> Drop for Finder<T> {
    fn drop(&mut self) {
        self.pointer.leave();
    }
}

impl<T: fmt::Debug> fmt::Debug for Counted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T> fmt::Debug for Finder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finder").field("is_gone", &self.is_gone()).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for Sole<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;
    use std::thread;

    #[test]
    fn the_last_owner_drops_the_value_and_the_last_finder_the_room() {
        let inside = Arc::new(());
        let value = Sole::new(Arc::clone(&inside));
        let finder = value.finder();
        let value = value.share();
        let other = value.clone();
        assert!(value.is_same(&other));
        drop(value);
        assert_eq!((Arc::strong_count(&inside), finder.is_gone()), (2, false));
        let found = finder.find().unwrap();
        drop(other);
        assert_eq!(Arc::strong_count(&inside), 2);
        drop(found);
        assert_eq!((Arc::strong_count(&inside), finder.is_gone()), (1, true));
        assert!(finder.find().is_none());

        let sole = Sole::new(Arc::clone(&inside));
        let finder = sole.finder();
        drop(sole);
        assert_eq!((Arc::strong_count(&inside), finder.is_gone()), (1, true));
        assert!(finder.find().is_none());
    }

    #[test]
    fn a_sole_owner_has_the_value_for_itself_whoever_looks_for_it() {
        let value = Sole::new(1);
        let finder = value.finder();
        assert!(finder.find().is_none() && !finder.is_gone());
        let value = value.share();
        let found = finder.find().unwrap();
        let value = value.into_sole().unwrap_err();
        drop(found);
        let mut value = value.into_sole().unwrap();
        *value += 1;
        assert!(finder.find().is_none() && !finder.is_gone());
        let value = value.share();
        assert_eq!((*value, finder.find().as_deref()), (2, Some(&2)));
    }

    #[test]
    fn a_value_whose_drop_panics_is_gone_all_the_same() {
        struct Bad;
        impl Drop for Bad {
            fn drop(&mut self) {
                panic!("on purpose");
            }
        }
        let value = Sole::new(Bad);
        let finder = value.finder();
        assert!(catch_unwind(AssertUnwindSafe(|| drop(value.share()))).is_err());
        assert!(finder.is_gone() && finder.find().is_none());
    }

    /// A value that is changed for each use by its sole owner is seen whole by whoever finds it in between.
    #[test]
    fn nobody_sees_a_part_of_a_change() {
        let uses = if cfg!(miri) { 50 } else { 20_000u64 };
        let value = Sole::new((0u64, 0u64));
        let finder = value.finder();
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut value = value.share();
                for number in 1..=uses {
                    drop(value.clone());
                    value = match value.into_sole() {
                        Ok(mut sole) => {
                            *sole = (number, number);
                            sole.share()
                        }
                        Err(shared) => shared,
                    };
                }
            });
            for _ in 0..2 {
                scope.spawn(|| {
                    while !finder.is_gone() {
                        if let Some(found) = finder.find() {
                            assert_eq!(found.0, found.1);
                        }
                    }
                });
            }
        });
        assert!(finder.find().is_none());
    }
}
