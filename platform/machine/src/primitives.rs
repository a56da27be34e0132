//! The atomics and cells of the lock and the counts: std's, or, where every interleaving of threads is tried, a model
//! of them.
//!
//! std's cannot be watched, so the models need a layer between. `unsafe`: one dereference, in the model only, of a cell
//! that is borrowed mutably.
//!
//! The models in `models/` are run with
//!
//! ```text
//! RUSTFLAGS="--cfg tracehound_model" cargo test -p tracehound-machine --lib --target-dir target/models models::
//! ```
//!
//! and at no other time: in all other builds there is nothing here but names of the standard library.

#[cfg(all(test, tracehound_model))]
pub(crate) use model::*;
#[cfg(not(all(test, tracehound_model)))]
pub(crate) use real::*;

#[cfg(not(all(test, tracehound_model)))]
mod real {
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::atomic::{AtomicUsize, Ordering, fence};
    pub(crate) use std::thread::{sleep, yield_now};
    pub(crate) use std::thread_local as per_thread;

    pub(crate) const IS_MODEL: bool = false;

    /// A function that is not `const` in the model.
    macro_rules! const_fn {
        ($($function:tt)*) => { $($function)* };
    }
    pub(crate) use const_fn;

    /// [`std::cell::UnsafeCell`], with a name for what is done with the pointer.
    #[derive(Default)]
    #[repr(transparent)]
    pub(crate) struct UnsafeCell<T: ?Sized>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        #[inline]
        pub(crate) const fn new(value: T) -> Self {
            UnsafeCell(std::cell::UnsafeCell::new(value))
        }
    }

    impl<T: ?Sized> UnsafeCell<T> {
        #[inline]
        pub(crate) const fn to_read(&self) -> *const T {
            self.0.get()
        }

        #[inline]
        pub(crate) const fn to_write(&self) -> *mut T {
            self.0.get()
        }

        #[inline]
        pub(crate) fn get_mut(&mut self) -> &mut T {
            self.0.get_mut()
        }
    }
}

#[cfg(all(test, tracehound_model))]
mod model {
    use std::fmt;
    use std::ops::Deref;
    use std::time::Duration;

    pub(crate) use loom::hint::spin_loop;
    pub(crate) use loom::sync::atomic::{Ordering, fence};
    pub(crate) use loom::thread::yield_now;

    pub(crate) const IS_MODEL: bool = true;

    /// There is no time: whatever may happen meanwhile does, in one of the interleavings.
    pub(crate) fn sleep(_: Duration) {
        yield_now();
    }

    macro_rules! per_thread {
        (static $name:ident: $type:ty = const { $value:expr };) => {
            loom::thread_local! { static $name: $type = $value; }
        };
    }
    pub(crate) use per_thread;

    macro_rules! const_fn {
        ($(#[$attribute:meta])* $visible:vis const fn $($function:tt)*) => {
            $(#[$attribute])* $visible fn $($function)*
        };
    }
    pub(crate) use const_fn;

    /// That of the model; to free it is an access as well, after all others.
    #[derive(Default)]
    pub(crate) struct AtomicUsize(loom::sync::atomic::AtomicUsize);

    impl AtomicUsize {
        pub(crate) fn new(value: usize) -> Self {
            AtomicUsize(loom::sync::atomic::AtomicUsize::new(value))
        }
    }

    impl Deref for AtomicUsize {
        type Target = loom::sync::atomic::AtomicUsize;

        fn deref(&self) -> &Self::Target {
            &self.0
        }
    }

    impl Drop for AtomicUsize {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                self.0.with_mut(|_| ());
            }
        }
    }

    impl fmt::Debug for AtomicUsize {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fmt(f)
        }
    }

    /// Each pointer that is asked for is an access at that moment: one that no order of the threads puts before or
    /// after another one is a data race.
    #[derive(Default)]
    pub(crate) struct UnsafeCell<T: ?Sized>(loom::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) fn new(value: T) -> Self {
            UnsafeCell(loom::cell::UnsafeCell::new(value))
        }
    }

    impl<T: ?Sized> UnsafeCell<T> {
        pub(crate) fn to_read(&self) -> *const T {
            self.0.with(|value| value)
        }

        pub(crate) fn to_write(&self) -> *mut T {
            self.0.with_mut(|value| value)
        }

        #[allow(unsafe_code)]
        pub(crate) fn get_mut(&mut self) -> &mut T {
            // SAFETY: the borrow of the whole cell.
            unsafe { &mut *self.to_write() }
        }
    }
}
