//! The lock: one holder at a time, whoever waits gets it, and it is kept for nobody who is not there.

use loom::sync::Arc;
use loom::thread;

use super::tried::every_interleaving;
use crate::ShortLock;

/// So many threads take the lock so often, and change what it guards.
fn all_take_it(threads: usize, times: usize) {
    let lock = Arc::new(ShortLock::new((0, 0)));
    let change = move |lock: &ShortLock<(usize, usize)>| {
        for _ in 0..times {
            let mut held = lock.lock().expect("no other section of this thread is around it");
            assert!(lock.is_held_here() && lock.lock().is_none());
            assert_eq!(held.0, held.1);
            held.0 += 1;
            held.1 += 1;
        }
    };
    let others: Vec<_> = (1..threads)
        .map(|_| {
            let lock = Arc::clone(&lock);
            thread::spawn(move || change(&lock))
        })
        .collect();
    change(&lock);
    others.into_iter().for_each(|other| other.join().unwrap());
    // Free for anybody: kept for nobody, and with nobody's wish left.
    assert!(lock.is_free_for_all());
    assert_eq!(*lock.try_lock().unwrap(), (threads * times, threads * times));
    assert!(lock.is_free_for_all());
}

#[test]
fn two_threads_take_it_in_turn_again_and_again() {
    every_interleaving(3, || all_take_it(2, 2));
}

#[test]
fn of_three_threads_all_get_it() {
    every_interleaving(1, || all_take_it(3, 1));
}

#[test]
fn who_only_tries_does_not_wait_and_does_not_disturb() {
    every_interleaving(1, || {
        let lock = Arc::new(ShortLock::new(0));
        let waiting = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || *lock.lock().unwrap() += 1)
        };
        let trying = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || lock.try_lock().map(|mut held| *held += 1).is_some())
        };
        *lock.lock().unwrap() += 1;
        waiting.join().unwrap();
        let tried = trying.join().unwrap();
        assert!(lock.is_free_for_all());
        assert_eq!(*lock.lock().unwrap(), 2 + i32::from(tried));
    });
}
