//! A pointer to the newest of several values, each of one process, where nobody ever waits.
//!
//! std has no such type without a lock. `unsafe`: an `AtomicPtr` is turned into references, and boxes into pointers and
//! back. It holds by the one invariant that [`Slot`] names: a value is freed by nobody but `&mut self`.
#![expect(unsafe_code, reason = "an atomic pointer; each block says why it is sound")]

use std::marker::PhantomData;
use std::ptr;
use std::sync::RwLock;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Holds at most one value for each epoch; only the newest can be reached.
///
/// The one invariant: `newest` is null or comes from `Box::into_raw` of a node that lives as long as this
/// does. Nodes are replaced but never freed before `Drop`: whoever has borrowed a value from `&self` may keep
/// it. A node is replaced only by one of another epoch, so one is leaked for each fork at the most.
pub(crate) struct Slot<T> {
    newest: AtomicPtr<Node<T>>,
    /// As a lock for readers it owns a value, takes one in on any thread, and gives out `&T` on all: the same
    /// `T` may be sent and shared.
    owns: PhantomData<RwLock<T>>,
}

struct Node<T> {
    epoch: u32,
    value: T,
}

impl<T> Slot<T> {
    pub(crate) const fn new() -> Self {
        Slot { newest: AtomicPtr::new(ptr::null_mut()), owns: PhantomData }
    }

    fn newest(&self) -> Option<&Node<T>> {
        // Acquire: what was written to the node before it was put here is seen.
        // SAFETY: by the invariant it is null or a live node, which nobody changes.
        unsafe { self.newest.load(Ordering::Acquire).as_ref() }
    }

    /// The value of an epoch, if it is there and the newest.
    #[inline]
    pub(crate) fn get(&self, epoch: u32) -> Option<&T> {
        self.newest().filter(|node| node.epoch == epoch).map(|node| &node.value)
    }

    /// The newest value, of whichever epoch.
    pub(crate) fn any(&self) -> Option<&T> {
        self.newest().map(|node| &node.value)
    }

    /// Puts a value in, unless there is one of its epoch; gives that one, and the new one back.
    pub(crate) fn put(&self, epoch: u32, value: T) -> Result<&T, (&T, T)> {
        let fresh = Box::into_raw(Box::new(Node { epoch, value }));
        let mut seen = self.newest.load(Ordering::Acquire);
        loop {
            // SAFETY: as in `newest`.
            if let Some(node) = unsafe { seen.as_ref() }.filter(|node| node.epoch == epoch) {
                // SAFETY: `fresh` is ours alone, it was never put in.
                let fresh = unsafe { Box::from_raw(fresh) };
                return Err((&node.value, fresh.value));
            }
            let put =
                self.newest.compare_exchange(seen, fresh, Ordering::AcqRel, Ordering::Acquire);
            match put {
                // SAFETY: from now on the invariant holds for `fresh`.
                Ok(_) => return Ok(unsafe { &(*fresh).value }),
                Err(other) => seen = other,
            }
        }
    }

    /// Drops the value if it is of this epoch; one of another process is left alone, for ever.
    #[inline]
    pub(crate) fn clear(&mut self, epoch: u32) {
        let newest = std::mem::replace(self.newest.get_mut(), ptr::null_mut());
        // SAFETY: by the invariant; nobody else is here, because `self` is borrowed mutably.
        if unsafe { newest.as_ref() }.is_some_and(|node| node.epoch == epoch) {
            // SAFETY: it comes from `Box::into_raw`, and is no longer in the slot.
            drop(unsafe { Box::from_raw(newest) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// As in a child, in one process, so that Miri can look at it. What is left alone there is leaked here.
    #[test]
    fn the_value_of_another_epoch_is_hidden_lent_on_and_left_alone() {
        let of_parent = Arc::new(0);
        let mut slot = Slot::new();
        let lent = slot.put(0, Arc::clone(&of_parent)).unwrap();
        assert!(slot.get(1).is_none());
        assert!(slot.any().is_some_and(|any| Arc::ptr_eq(any, lent)));
        let own = slot.put(1, Arc::new(1)).unwrap();
        assert!(Arc::ptr_eq(lent, &of_parent));
        let (there, refused) = slot.put(1, Arc::new(2)).unwrap_err();
        assert_eq!((**there, *refused), (1, 2));
        let own = Arc::clone(own);
        assert!(slot.get(0).is_none());
        slot.clear(1);
        assert!(slot.any().is_none());
        assert_eq!((Arc::strong_count(&own), Arc::strong_count(&of_parent)), (1, 2));

        slot.put(1, own).unwrap();
        slot.clear(2);
        assert!(slot.any().is_none());
    }
}
