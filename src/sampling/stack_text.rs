//! Short texts on the stack, for numbers that are written without an allocation.

use std::fmt;
use std::io::Write as _;

/// At most `N` bytes of text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StackText<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> StackText<N> {
    /// The text of a value that fits by its type; empty if it does not.
    pub(crate) fn of(value: fmt::Arguments<'_>) -> Self {
        let mut bytes = [0; N];
        let mut room = bytes.as_mut_slice();
        let len = room.write_fmt(value).map_or(0, |()| N - room.len());
        StackText { bytes, len }
    }

    pub(crate) fn as_str(&self) -> &str {
        // Written from whole `str`s only: the check cannot fail.
        let text = self.bytes.get(..self.len).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }

    /// Without the characters `of` from its end.
    pub(crate) fn trim_end(mut self, of: char) -> Self {
        self.len = self.as_str().trim_end_matches(of).len();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_kept_whole() {
        assert_eq!(StackText::<4>::of(format_args!("-{}", 255)).as_str(), "-255");
        assert_eq!(StackText::<4>::of(format_args!("{}", "é!!")).as_str(), "é!!");
        assert_eq!(StackText::<3>::of(format_args!("-{}", 255)).as_str(), "");
        assert_eq!(StackText::<8>::of(format_args!("1.500")).trim_end('0').as_str(), "1.5");
    }
}
