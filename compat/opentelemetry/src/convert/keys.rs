//! Interned keys of attributes.
//!
//! OpenTelemetry does not say whether a key is a literal, and a copy of it in every span costs time and, if
//! it is long, an allocation. Keys are few and come again and again, so the first 1,024 that the process
//! sees are leaked once, and are literals from then on.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, TryLockError};

use opentelemetry::Key;
use tracehound::Text;
use tracehound_fork::PerProcess;

/// Keys that are kept for ever. Further ones, of programs that make keys up as they go, are copied.
const MAX_KEYS: usize = 1024;
/// The longest key that is kept; with [`MAX_KEYS`] a bound of 128 KiB.
const MAX_KEY_BYTES: usize = 128;
/// Keys that a thread finds without a lock. A power of two.
const NEAR: usize = 256;

/// Of this process: a forked child keeps keys of its own.
static KEPT: PerProcess<Kept> = PerProcess::new();

#[derive(Default)]
struct Kept {
    keys: Mutex<HashSet<&'static str>>,
    is_full: AtomicBool,
}

thread_local! {
    /// By the digest of the key; the newest of those that share one.
    static KEYS: RefCell<[&'static str; NEAR]> = const { RefCell::new([""; NEAR]) };
}

/// A key as a text: a short one copied in place, a long one that is known without a copy.
pub(crate) fn key_text(key: Key) -> Text {
    if key.as_str().len() <= Text::IN_PLACE {
        return Text::copy(key.as_str());
    }
    match kept(key.as_str()) {
        Some(known) => Text::literal(known),
        None => String::from(key).into(),
    }
}

/// The one copy of a key, as long as there is room to keep it.
pub(crate) fn kept(key: &str) -> Option<&'static str> {
    if key.len() > MAX_KEY_BYTES {
        return None;
    }
    let place = digest(key);
    let near = |keys: &RefCell<[&'static str; NEAR]>| keys.try_borrow().ok()?.get(place).copied();
    if let Some(near) = KEYS.try_with(near).ok().flatten().filter(|near| *near == key) {
        return Some(near);
    }
    let known = keep(key)?;
    let _ = KEYS.try_with(|keys| {
        if let Ok(mut keys) = keys.try_borrow_mut() {
            if let Some(near) = keys.get_mut(place) {
                *near = known;
            }
        }
    });
    Some(known)
}

#[cold]
fn keep(key: &str) -> Option<&'static str> {
    // Without the lock then: a program that makes up keys must not have its threads wait for each other.
    let Kept { keys, is_full } = KEPT.get_or_make(Kept::default);
    if is_full.load(Ordering::Relaxed) {
        return None;
    }
    // Who finds it taken copies the key: it may be this thread that has it, in an allocator that traces.
    let mut kept = match keys.try_lock() {
        Ok(kept) => kept,
        Err(TryLockError::Poisoned(kept)) => kept.into_inner(),
        Err(TryLockError::WouldBlock) => return None,
    };
    if let Some(known) = kept.get(key) {
        return Some(known);
    }
    if kept.len() >= MAX_KEYS {
        is_full.store(true, Ordering::Relaxed);
        return None;
    }
    let known: &'static str = Box::leak(key.into());
    kept.insert(known);
    Some(known)
}

/// A few bits of the length and the last eight bytes: keys share their beginnings far more than their ends.
fn digest(key: &str) -> usize {
    let bytes = key.as_bytes();
    let tail = bytes.last_chunk::<8>().map_or(0, |tail| u64::from_le_bytes(*tail));
    let mixed = (tail ^ bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as usize & (NEAR - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, because it fills what the process has.
    #[test]
    fn the_first_keys_are_kept_once_and_all_keys_are_right() {
        let literal = || key_text(Key::from_static_str("http.request.header.content-type"));
        let first = literal();
        assert_eq!(first, "http.request.header.content-type");
        assert_eq!(first.as_str().as_ptr(), literal().as_str().as_ptr());
        let owned = key_text(Key::from(first.to_string()));
        assert_eq!(first.as_str().as_ptr(), owned.as_str().as_ptr());

        let long = "k".repeat(MAX_KEY_BYTES + 1);
        for key in ["", "ключ", &long] {
            assert_eq!(key_text(Key::from(key.to_owned())), key);
        }
        for number in 0..2 * MAX_KEYS {
            let key = format!("made.up.as.it.goes.{number}");
            assert_eq!(key_text(Key::from(key.clone())), key.as_str());
        }
        assert_eq!(KEPT.get().unwrap().keys.lock().unwrap().len(), MAX_KEYS);
        assert_eq!(first.as_str().as_ptr(), literal().as_str().as_ptr());
    }
}
