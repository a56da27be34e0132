//! A reference count that can be looked for without being kept.

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
/// [`Weak`](std::sync::Weak), so a value that somebody looks for could not be changed for its next use. Here the sole
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
    block: NonNull<Block<T>>,
    /// Drops the value, as far as the compiler has to know.
    owns: PhantomData<T>,
}

/// The only owner of a value, who can change it, and who is not found.
pub struct Sole<T> {
    block: NonNull<Block<T>>,
    owns: PhantomData<T>,
}

/// Looks for the value of a [`Counted`], which it does not keep.
pub struct Finder<T> {
    block: NonNull<Block<T>>,
    owns: PhantomData<T>,
}

/// What both point to. It lives until the last finder has gone, and at the least as long as there are owners.
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

// SAFETY: owners on several threads share the value, as an `Arc` does, and the last of them drops it wherever it is.
#[expect(unsafe_code, reason = "what makes it an owner for threads")]
unsafe impl<T: Send + Sync> Send for Counted<T> {}

// SAFETY: as above; `&Counted` gives `&T`, and clones.
#[expect(unsafe_code, reason = "what makes it an owner for threads")]
unsafe impl<T: Send + Sync> Sync for Counted<T> {}

// SAFETY: the only owner is on one thread at a time; it may become several.
#[expect(unsafe_code, reason = "what makes it an owner for threads")]
unsafe impl<T: Send + Sync> Send for Sole<T> {}

// SAFETY: `&Sole` gives `&T`, and finders.
#[expect(unsafe_code, reason = "what makes it an owner for threads")]
unsafe impl<T: Send + Sync> Sync for Sole<T> {}

// SAFETY: a finder gives owners, and nothing else.
#[expect(unsafe_code, reason = "what makes it a finder for threads")]
unsafe impl<T: Send + Sync> Send for Finder<T> {}

// SAFETY: as above.
#[expect(unsafe_code, reason = "what makes it a finder for threads")]
unsafe impl<T: Send + Sync> Sync for Finder<T> {}

impl<T: RefUnwindSafe> UnwindSafe for Counted<T> {}
impl<T: RefUnwindSafe> RefUnwindSafe for Counted<T> {}
impl<T: RefUnwindSafe> UnwindSafe for Sole<T> {}
impl<T: RefUnwindSafe> RefUnwindSafe for Sole<T> {}
impl<T: RefUnwindSafe> UnwindSafe for Finder<T> {}
impl<T: RefUnwindSafe> RefUnwindSafe for Finder<T> {}

/// The block that a handle points to.
#[inline]
#[expect(unsafe_code, reason = "what makes it a pointer")]
fn block_of<T>(block: &NonNull<Block<T>>) -> &Block<T> {
    // SAFETY: an owner or a finder, which each hold a count, keeps the block in its place, and borrows of its handle
    // end before it gives that back. Nobody has a `&mut Block`: what changes is atomic, or in the `UnsafeCell`.
    unsafe { block.as_ref() }
}

/// Gives back the count of a finder; the last frees the block.
#[inline]
#[expect(unsafe_code, reason = "what makes it free its memory")]
fn leave<T>(block: NonNull<Block<T>>) {
    if block_of(&block).finders.fetch_sub(1, Ordering::Release) != 1 {
        return;
    }
    // Whatever others have done with the block is done before it goes.
    fence(Ordering::Acquire);
    // SAFETY: it was made by `Box::new`, this was the last count, and the value, if it has not been dropped by its
    // last owner, is none that anybody can reach any more; being a `ManuallyDrop` it is not dropped here again.
    drop(unsafe { Box::from_raw(block.as_ptr()) });
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
        Sole { block: NonNull::from(Box::leak(block)), owns: PhantomData }
    }

    /// Lets the value be cloned and found.
    ///
    /// Sequentially consistent, as [`Finder::find`] is: of what is stored so before somebody looks for the value in
    /// vain, its owner knows after this.
    #[inline]
    pub fn share(self) -> Counted<T> {
        let block = self.block;
        std::mem::forget(self);
        // Releases the changes to whoever finds the value from now on.
        block_of(&block).owners.swap(1, Ordering::SeqCst);
        Counted { block, owns: PhantomData }
    }

    /// Looks for this value from now on.
    #[must_use]
    pub fn finder(&self) -> Finder<T> {
        count_one_more(&block_of(&self.block).finders);
        Finder { block: self.block, owns: PhantomData }
    }
}

impl<T> Counted<T> {
    /// The value for this owner alone, if it has no other one.
    #[inline]
    pub fn into_sole(self) -> Result<Sole<T>, Self> {
        let owners = &block_of(&self.block).owners;
        // Acquires what the owners that have gone have done. Nobody but a finder can add to a count of one, and a
        // finder does not add to `SOLE`.
        match owners.compare_exchange(1, SOLE, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => {
                let block = self.block;
                std::mem::forget(self);
                Ok(Sole { block, owns: PhantomData })
            }
            Err(_) => Err(self),
        }
    }

    /// Whether both are owners of the same value.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.block == other.block
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
        count_one_more(&block_of(&self.block).owners);
        Counted { block: self.block, owns: PhantomData }
    }
}

impl<T> Drop for Counted<T> {
    #[inline]
    fn drop(&mut self) {
        if block_of(&self.block).owners.fetch_sub(1, Ordering::Release) == 1 {
            drop_value(self.block);
        }
    }
}

impl<T> Drop for Sole<T> {
    fn drop(&mut self) {
        drop_value(self.block);
    }
}

#[inline(never)]
#[expect(unsafe_code, reason = "what makes it an owner")]
fn drop_value<T>(block: NonNull<Block<T>>) {
    /// Also where the value's own `drop` panics.
    struct Leave<T>(NonNull<Block<T>>);
    impl<T> Drop for Leave<T> {
        fn drop(&mut self) {
            leave(self.0);
        }
    }
    fence(Ordering::Acquire);
    let _leave = Leave(block);
    block_of(&block).owners.store(0, Ordering::Relaxed);
    // SAFETY: this was the last owner, so nobody has a reference to the value; a finder finds nothing where the owner
    // was a sole one or where there is none, so nobody gets one; and it happens once. The block stays until `_leave` gives the owners' count back.
    unsafe { ManuallyDrop::drop(&mut *block_of(&block).value.to_write()) };
}

impl<T> Deref for Counted<T> {
    type Target = T;

    #[inline]
    #[expect(unsafe_code, reason = "what makes it an owner")]
    fn deref(&self) -> &T {
        // SAFETY: this is an owner, so the value has not been dropped; only a `Sole` gives `&mut`, out of a borrow of
        // itself, and it is the only owner then.
        unsafe { &*block_of(&self.block).value.to_read() }
    }
}

impl<T> Deref for Sole<T> {
    type Target = T;

    #[inline]
    #[expect(unsafe_code, reason = "what makes it an owner")]
    fn deref(&self) -> &T {
        // SAFETY: this is an owner, so the value has not been dropped, and `&mut` is given out of a `&mut` of this.
        unsafe { &*block_of(&self.block).value.to_read() }
    }
}

impl<T> DerefMut for Sole<T> {
    #[inline]
    #[expect(unsafe_code, reason = "what makes it an owner")]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the count is `SOLE`: there is no other owner, and none comes to be before `share`, because finders
        // find nothing; and this one is borrowed.
        unsafe { &mut *block_of(&self.block).value.to_write() }
    }
}

impl<T> Finder<T> {
    /// The value, if it has an owner who is not a [`Sole`] one.
    #[must_use]
    pub fn find(&self) -> Option<Counted<T>> {
        let owners = &block_of(&self.block).owners;
        let one_more =
            |count: usize| (1..=MAX_COUNT).contains(&count).then(|| count.wrapping_add(1));
        // Acquires what the sole owner has changed before.
        owners.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).ok()?;
        Some(Counted { block: self.block, owns: PhantomData })
    }

    /// Whether the value was dropped, for good.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        block_of(&self.block).owners.load(Ordering::Relaxed) == 0
    }
}

impl<T> Drop for Finder<T> {
    fn drop(&mut self) {
        leave(self.block);
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
