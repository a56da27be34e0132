//! A few characters on the stack.

use std::fmt;

/// Collects at most `N` bytes of text without an allocation; what does not fit is an error of the writer's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Short<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Short<N> {
    /// The text of a value that fits by its type; empty if it does not.
    pub(crate) fn of(value: fmt::Arguments<'_>) -> Self {
        let mut short = Short { bytes: [0; N], len: 0 };
        match fmt::write(&mut short, value) {
            Ok(()) => short,
            Err(fmt::Error) => Short { bytes: [0; N], len: 0 },
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        // Written from whole `str`s only: the check cannot fail.
        self.bytes
            .get(..self.len)
            .and_then(|text| std::str::from_utf8(text).ok())
            .unwrap_or_default()
    }

    /// Without the characters `of` from its end.
    pub(crate) fn trim_end(mut self, of: char) -> Self {
        self.len = self.as_str().trim_end_matches(of).len();
        self
    }
}

impl<const N: usize> fmt::Write for Short<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len.checked_add(text.len()).ok_or(fmt::Error)?;
        let place = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_kept_whole() {
        assert_eq!(Short::<4>::of(format_args!("-{}", 255)).as_str(), "-255");
        assert_eq!(Short::<4>::of(format_args!("{}", "é!!")).as_str(), "é!!");
        assert_eq!(Short::<3>::of(format_args!("-{}", 255)).as_str(), "");
        assert_eq!(Short::<8>::of(format_args!("1.500")).trim_end('0').as_str(), "1.5");
    }
}
