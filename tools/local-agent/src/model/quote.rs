//! Texts from the wire inside messages.

use std::fmt;

/// Characters quoted; a key may have megabytes.
const LONGEST: usize = 80;

/// A text in quotes, with its special characters escaped and its end left out if it is long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(LONGEST) {
            None => write!(f, "{:?}", self.0),
            Some((end, _)) => {
                write!(f, "{:?}", self.0.get(..end).unwrap_or_default())?;
                f.write_str("…")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(Quoted("a\x1b\"b").to_string(), r#""a\u{1b}\"b""#);
        assert_eq!(Quoted(&"é".repeat(80)).to_string(), format!("\"{}\"", "é".repeat(80)));
        assert_eq!(Quoted(&"é".repeat(81)).to_string(), format!("\"{}\"…", "é".repeat(80)));
    }
}
