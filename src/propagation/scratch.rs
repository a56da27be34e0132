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
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The buffer of this thread.
pub(super) struct Scratch(Vec<u8>);

impl Scratch {
    /// Lends the buffer.
    pub(super) fn with<T>(run: impl FnOnce(&mut Scratch) -> T) -> T {
        // While the thread ends there is no buffer any more, and a new one does.
        let mut scratch = Scratch(SCRATCH.try_with(Cell::take).unwrap_or_default());
        let result = run(&mut scratch);
        if scratch.0.capacity() <= MAX_KEPT_BYTES {
            let _ = SCRATCH.try_with(|kept| kept.set(scratch.0));
        }
        result
    }

    /// The text that `write` appends, in whole characters.
    pub(super) fn string(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> String {
        self.0.clear();
        write(&mut self.0);
        String::from_utf8(self.0.clone()).unwrap_or_default()
    }

    /// The same as a [`Text`]; no allocation while it fits in place. Bytes that are no UTF-8 become U+FFFD.
    pub(super) fn text(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Text {
        self.0.clear();
        write(&mut self.0);
        match std::str::from_utf8(&self.0) {
            Ok(text) => Text::copy(text),
            Err(_) => Text::copy(&String::from_utf8_lossy(&self.0)),
        }
    }
}

/// Two texts in one.
pub(super) fn joined(prefix: &str, rest: &[u8]) -> Text {
    Scratch::with(|scratch| {
        scratch.text(|text| {
            text.extend_from_slice(prefix.as_bytes());
            text.extend_from_slice(rest);
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(write: impl FnOnce(&mut Vec<u8>)) -> String {
        Scratch::with(|scratch| scratch.string(write))
    }

    #[test]
    fn a_text_has_no_spare_room_and_nothing_of_the_one_before() {
        for len in [0, 1, 100, 2 * MAX_KEPT_BYTES, 3] {
            let text = string(|text| text.extend_from_slice("é".repeat(len).as_bytes()));
            assert_eq!(text, "é".repeat(len));
            assert_eq!(text.capacity(), text.len());
        }
    }

    #[test]
    fn one_text_can_be_made_while_another_is() {
        let text = string(|outer| {
            outer.push(b'a');
            outer.extend(string(|inner| inner.push(b'b')).bytes());
            outer.extend(joined("c", b"d").bytes());
        });
        assert_eq!(text, "abcd");
    }
}
