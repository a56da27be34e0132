//! Texts put together in one buffer per thread, so that each header is one allocation of exactly its size.
//!
//! Exactly: `http::HeaderValue` takes over a `String` without spare room as it is, and pays one more
//! allocation for any other.

use std::cell::Cell;

use crate::text::Text;

/// A buffer that has grown beyond this is not kept.
const MAX_KEPT_BYTES: usize = 4096;

thread_local! {
    /// Taken out while in use, so that a use within a use finds an empty one.
    static SCRATCH: Cell<String> = const { Cell::new(String::new()) };
}

/// The text that `write` appends.
pub(super) fn string(write: impl FnOnce(&mut String)) -> String {
    with_scratch(|text| {
        write(text);
        text.clone()
    })
}

/// Two texts in one; no allocation while the result fits in place.
pub(super) fn joined(prefix: &str, rest: &str) -> Text {
    with_scratch(|text| {
        text.push_str(prefix);
        text.push_str(rest);
        Text::copy(text)
    })
}

fn with_scratch<T>(run: impl FnOnce(&mut String) -> T) -> T {
    // While the thread ends there is no buffer any more, and a new one does.
    let mut text = SCRATCH.try_with(Cell::take).unwrap_or_default();
    text.clear();
    let result = run(&mut text);
    if text.capacity() <= MAX_KEPT_BYTES {
        let _ = SCRATCH.try_with(|scratch| scratch.set(text));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_no_spare_room_and_nothing_of_the_one_before() {
        for len in [0, 1, 100, 2 * MAX_KEPT_BYTES, 3] {
            let text = string(|text| text.push_str(&"é".repeat(len)));
            assert_eq!(text, "é".repeat(len));
            assert_eq!(text.capacity(), text.len());
        }
    }

    #[test]
    fn one_text_can_be_made_while_another_is() {
        let text = string(|outer| {
            outer.push('a');
            outer.push_str(&string(|inner| inner.push('b')));
            outer.push_str(&joined("c", "d"));
        });
        assert_eq!(text, "abcd");
    }
}
