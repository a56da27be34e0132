//! Texts put together in one buffer per thread, which has its size already.

use std::cell::Cell;

use crate::text::Text;

/// A buffer that has grown beyond this is not kept.
const MAX_KEPT_BYTES: usize = 4096;

thread_local! {
    /// Taken out while in use, so that a use within a use finds none and makes its own. Boxed, so that one word
    /// moves.
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// The buffer of this thread.
#[derive(Default)]
pub(super) struct Scratch(Vec<u8>);

impl Scratch {
    /// Lends the buffer.
    pub(super) fn with<T>(run: impl FnOnce(&mut Scratch) -> T) -> T {
        // While the thread ends there is no buffer any more, and a new one does.
        let mut scratch = SCRATCH.try_with(Cell::take).ok().flatten().unwrap_or_default();
        let result = run(&mut scratch);
        if scratch.0.capacity() <= MAX_KEPT_BYTES {
            let _ = SCRATCH.try_with(|kept| kept.set(Some(scratch)));
        }
        result
    }

    /// The buffer, empty.
    pub(super) fn clear(&mut self) -> &mut Vec<u8> {
        self.0.clear();
        &mut self.0
    }

    /// The text that `write` appends; no allocation while it fits in place. Bytes that are no UTF-8 become
    /// U+FFFD.
    pub(super) fn text(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Text {
        write(self.clear());
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

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> Text {
        Scratch::with(|scratch| scratch.text(write))
    }

    #[test]
    fn a_text_has_nothing_of_the_one_before() {
        for len in [0, 1, 100, 2 * MAX_KEPT_BYTES, 3] {
            let text = text(|text| text.extend_from_slice("é".repeat(len).as_bytes()));
            assert_eq!(text.as_str(), "é".repeat(len));
        }
    }

    #[test]
    fn one_text_can_be_made_while_another_is() {
        let made = text(|outer| {
            outer.push(b'a');
            outer.extend(text(|inner| inner.push(b'b')).bytes());
            outer.extend(joined("c", b"d").bytes());
        });
        assert_eq!(made, "abcd");
    }
}
