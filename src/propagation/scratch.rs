//! One buffer per thread, in which headers and texts are put together. It has its size already, so that most of them
//! are made without an allocation.

use std::cell::Cell;

use crate::text::Text;

/// A buffer that has grown beyond this is not kept.
const MAX_KEPT_BYTES: usize = 4096;

thread_local! {
    /// Taken out while in use: a use within a use finds none, and makes its own. Boxed, so that one word moves.
    static BUFFER: Cell<Option<Box<Buffer>>> = const { Cell::new(None) };
}

#[derive(Default)]
struct Buffer(Vec<u8>);

/// Lends the buffer of this thread, empty.
pub(crate) fn with<T>(run: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    // While the thread ends its buffer is gone; a new one serves as well.
    let mut buffer = BUFFER.try_with(Cell::take).ok().flatten().unwrap_or_default();
    buffer.0.clear();
    let result = run(&mut buffer.0);
    if buffer.0.capacity() <= MAX_KEPT_BYTES {
        let _ = BUFFER.try_with(|kept| kept.set(Some(buffer)));
    }
    result
}

/// The text that `write` appends. Bytes that are no UTF-8 become U+FFFD.
pub(super) fn text(write: impl FnOnce(&mut Vec<u8>)) -> Text {
    with(|buffer| {
        write(buffer);
        match std::str::from_utf8(buffer) {
            Ok(text) => Text::copy(text),
            Err(_) => Text::copy(&String::from_utf8_lossy(buffer)),
        }
    })
}

/// Two texts, one behind the other.
pub(super) fn joined(prefix: &str, rest: &[u8]) -> Text {
    text(|text| {
        text.extend_from_slice(prefix.as_bytes());
        text.extend_from_slice(rest);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
