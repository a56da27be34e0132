//! Searches in short texts, byte by byte: the general searches of `str` cost more to set up than these to run.

/// The first place of an ASCII character.
pub(super) fn find(text: &str, wanted: u8) -> Option<usize> {
    text.bytes().position(|byte| byte == wanted)
}

/// The last place of an ASCII character.
pub(super) fn rfind(text: &str, wanted: u8) -> Option<usize> {
    text.bytes().rposition(|byte| byte == wanted)
}

/// What is before the first of an ASCII character, and what is behind it.
pub(super) fn split_once(text: &str, at: u8) -> Option<(&str, &str)> {
    cut(text, find(text, at)?)
}

/// What is before the last of an ASCII character, and what is behind it.
pub(super) fn rsplit_once(text: &str, at: u8) -> Option<(&str, &str)> {
    cut(text, rfind(text, at)?)
}

fn cut(text: &str, at: usize) -> Option<(&str, &str)> {
    Some((text.get(..at)?, text.get(at.checked_add(1)?..)?))
}
