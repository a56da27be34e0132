//! Owners and finders: the value is dropped once, by the last owner; nobody finds it after that, or while a sole owner
//! changes it; and the memory outlives whoever looks.
//!
//! To free an atomic or a cell counts as an access to it, so a thread that still looks at it then is found. Left out is what [`Sole::share`] says of sequential consistency: the model takes that for acquire and
//! release.

use loom::alloc::Track;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::tried::every_interleaving;
use crate::{Counted, Sole};

/// Counts how often it is dropped, and is missed where it is not.
struct Value {
    numbers: (usize, usize),
    dropped: Arc<AtomicUsize>,
    _tracked: Track<()>,
}

impl Value {
    fn new(dropped: &Arc<AtomicUsize>) -> Self {
        Value { numbers: (0, 0), dropped: Arc::clone(dropped), _tracked: Track::new(()) }
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

fn is_whole(value: &Counted<Value>) {
    assert_eq!(value.numbers.0, value.numbers.1);
}

#[test]
fn the_last_owner_drops_the_value_wherever_it_is() {
    every_interleaving(3, || {
        let dropped = Arc::default();
        let sole = Sole::new(Value::new(&dropped));
        let finder = sole.finder();
        let first = sole.share();
        let second = first.clone();
        let owner = thread::spawn(move || {
            is_whole(&second);
            drop(second);
        });
        let looking = thread::spawn(move || {
            let found = finder.find();
            found.iter().for_each(is_whole);
            let was_found = found.is_some();
            drop(found);
            if finder.is_gone() {
                assert!(finder.find().is_none(), "what is gone does not come back");
            }
            was_found
        });
        drop(first);
        owner.join().unwrap();
        looking.join().unwrap();
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn nobody_finds_what_a_sole_owner_changes() {
    every_interleaving(3, || {
        let dropped = Arc::default();
        let mut sole = Sole::new(Value::new(&dropped));
        let finder = sole.finder();
        sole.numbers = (1, 1);
        let looking = thread::spawn(move || {
            finder.find().iter().for_each(is_whole);
            finder.find().iter().for_each(is_whole);
        });
        let mut value = sole.share();
        match value.into_sole() {
            Ok(mut sole) => {
                sole.numbers.0 = 2;
                sole.numbers.1 = 2;
                value = sole.share();
            }
            Err(shared) => value = shared,
        }
        is_whole(&value);
        drop(value);
        looking.join().unwrap();
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn of_two_owners_at_most_one_becomes_the_sole_one() {
    every_interleaving(3, || {
        let dropped = Arc::default();
        let sole = Sole::new(Value::new(&dropped));
        let finder = sole.finder();
        let first = sole.share();
        let second = first.clone();
        let become_sole = |owner: Counted<Value>| match owner.into_sole() {
            Ok(mut sole) => {
                sole.numbers.0 += 1;
                sole.numbers.1 += 1;
                true
            }
            Err(shared) => {
                is_whole(&shared);
                false
            }
        };
        let other = thread::spawn(move || become_sole(second));
        let looking = thread::spawn(move || {
            finder.find().iter().for_each(is_whole);
        });
        let here = become_sole(first);
        let there = other.join().unwrap();
        looking.join().unwrap();
        assert!(!(here && there), "two had it for themselves");
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
    });
}
