//! The strings of spans.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use tracehound_machine::literal;

/// A string of a span: a literal, up to 22 bytes in place, or an owned or shared string on the heap.
///
/// All strings that a span stores are of this type. So a literal or a short string costs no allocation, and a shared
/// string is stored once for many spans. Where an `impl Into<Text>` is taken, such as for the key of a tag or the name
/// of a span, each of these can be given:
///
/// | | what it costs |
/// | --- | --- |
/// | a literal | nothing: it stays where it is. On Linux, once a tracer was built; elsewhere as any other `&str`, but for [`Text::literal`] |
/// | any other `&str`, `&String`, `Cow` that borrows | a copy: up to 22 bytes ([`Text::IN_PLACE`]) in place, longer ones in an allocation |
/// | `String`, `Cow` that owns | its allocation is taken over, after it is shrunk to the length; up to 22 bytes are copied in place, and it is freed |
/// | `Box<str>`, `Arc<str>`, `Text` | nothing: it is moved |
/// | `&Text` | a clone: a copy where the text is owned, else nothing |
///
/// ```
/// use tracehound::Text;
///
/// let user = String::from("42");
/// let literal = Text::from("web.request");
/// let copied = Text::from(user.trim());
/// let owned = Text::from(format!("GET /users/{user}"));
/// assert_eq!((&*literal, &*copied, &*owned), ("web.request", "42", "GET /users/42"));
/// ```
#[derive(Clone)]
pub struct Text(Repr);

const IN_PLACE: usize = Text::IN_PLACE;

#[derive(Clone)]
enum Repr {
    Static(&'static str),
    Owned(Box<str>),
    Shared(Arc<str>),
    InPlace(u8, [u8; IN_PLACE]),
}

impl Text {
    /// The length, in bytes, up to which a text is stored in place, without an allocation: 22, which is what fits into
    /// the 24 bytes of this type.
    pub const IN_PLACE: usize = 22;

    /// The empty text.
    pub const EMPTY: Text = Text::literal("");

    /// A literal, usable in constants.
    #[inline]
    #[must_use]
    pub const fn literal(text: &'static str) -> Self {
        Text(Repr::Static(text))
    }

    /// A copy of any text; up to 22 bytes are copied in place, without an allocation.
    #[inline]
    #[must_use]
    pub fn copy(text: &str) -> Self {
        Self::in_place(text).unwrap_or_else(|| Text(Repr::Owned(text.into())))
    }

    /// As [`Text::copy`], but never inlined, so that functions which take an `impl Into<Text>` stay small.
    #[inline(never)]
    fn copy_apart(text: &str) -> Self {
        Text::copy(text)
    }

    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Static(text) => text,
            Repr::Owned(text) => text,
            Repr::Shared(text) => text,
            // Only `in_place` writes this, from a whole `str`, so the check cannot fail.
            Repr::InPlace(..) => std::str::from_utf8(self.as_bytes()).unwrap_or_default(),
        }
    }

    /// The characters' bytes, without the check that [`Text::as_str`] pays for a text in place.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Static(text) => text.as_bytes(),
            Repr::Owned(text) => text.as_bytes(),
            Repr::Shared(text) => text.as_bytes(),
            Repr::InPlace(len, bytes) => bytes.get(..usize::from(*len)).unwrap_or_default(),
        }
    }

    /// The length in bytes.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the text is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes this text holds on the heap. A shared string counts for each text that shares it, because each
    /// takes that much when it is sent.
    #[inline]
    pub(crate) fn heap_bytes(&self) -> usize {
        match &self.0 {
            Repr::Owned(text) => text.len(),
            Repr::Shared(text) => text.len(),
            Repr::Static(_) | Repr::InPlace(..) => 0,
        }
    }

    /// The literal, if this is one.
    #[inline]
    pub(crate) const fn as_literal(&self) -> Option<&'static str> {
        match &self.0 {
            Repr::Static(text) => Some(text),
            _ => None,
        }
    }

    /// The same text in a form whose clones do not allocate. For what child spans inherit.
    pub(crate) fn into_shared(self) -> Self {
        match self.0 {
            Repr::Owned(text) => Text(Repr::Shared(text.into())),
            other => Text(other),
        }
    }

    #[inline]
    fn in_place(text: &str) -> Option<Self> {
        let from = text.as_bytes();
        let len = u8::try_from(from.len()).ok().filter(|len| usize::from(*len) <= IN_PLACE)?;
        let mut copy = Text(Repr::InPlace(len, [0; IN_PLACE]));
        // The bytes are written where they stay. Built as an array of their own first, they would be copied twice.
        if let Repr::InPlace(_, into) = &mut copy.0 {
            // One or two copies of a constant length, because a copy of a variable length is a function call.
            match from.len() {
                16.. => copy_ends::<16>(from, into),
                8.. => copy_ends::<8>(from, into),
                4.. => copy_ends::<4>(from, into),
                2.. => copy_ends::<2>(from, into),
                _ => copy_ends::<1>(from, into),
            }
        }
        Some(copy)
    }
}

/// Copies a text of `N` to `2 * N` bytes: its first `N` bytes and its last `N`, which may overlap. Copies nothing of a
/// shorter text.
#[inline(always)]
fn copy_ends<const N: usize>(from: &[u8], into: &mut [u8; IN_PLACE]) {
    let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) else {
        return;
    };
    if let Some(start) = into.first_chunk_mut::<N>() {
        *start = *first;
    }
    let end = into.get_mut(from.len().saturating_sub(N)..);
    if let Some(end) = end.and_then(|end| end.first_chunk_mut::<N>()) {
        *end = *last;
    }
}

impl Default for Text {
    fn default() -> Self {
        Text::EMPTY
    }
}

/// A literal stays where it is, and anything else is copied; see [`Text`].
impl From<&str> for Text {
    #[inline(always)]
    fn from(text: &str) -> Self {
        match literal(text) {
            Some(text) => Text::literal(text),
            None => Text::copy_apart(text),
        }
    }
}

/// The conversions that are one expression.
macro_rules! from {
    ($($(#[$attribute:meta])? $text:ident: $from:ty => $into:expr;)*) => {$(
        impl From<$from> for Text {
            $(#[$attribute])?
            fn from($text: $from) -> Self {
                $into
            }
        }
    )*};
}

from! {
    text: String => Self::in_place(&text).unwrap_or_else(|| Text(Repr::Owned(text.into_boxed_str())));
    text: &String => Text::copy(text);
    text: Box<str> => Text(Repr::Owned(text));
    text: Arc<str> => Text(Repr::Shared(text));
    #[inline]
    text: &Text => text.clone();
}

impl From<Cow<'_, str>> for Text {
    #[inline]
    fn from(text: Cow<'_, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl std::ops::Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

/// Texts are compared by their bytes, which needs no check of what is in place.
macro_rules! equal_to {
    ($($other:ty),*) => {$(
        impl PartialEq<$other> for Text {
            fn eq(&self, other: &$other) -> bool {
                self.as_bytes() == other.as_bytes()
            }
        }
    )*};
}

equal_to!(Text, str, &str);

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl std::hash::Hash for Text {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// The first `most` bytes at the most, cut between two characters.
pub(crate) fn first_bytes(text: &str, most: usize) -> &str {
    (0..=most.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        for (text, most, expected) in
            [("añ", 2, "a"), ("añ", 3, "añ"), ("añ", 9, "añ"), ("é", 1, ""), ("", 3, "")]
        {
            assert_eq!(first_bytes(text, most), expected);
        }
    }

    #[test]
    fn a_text_is_three_words() {
        assert_eq!(size_of::<Text>(), 24);
        assert_eq!(size_of::<Option<Text>>(), 24);
    }

    proptest! {
        #[test]
        fn every_form_gives_back_the_same_characters(text in "\\PC{0,40}") {
            let shared: Arc<str> = text.as_str().into();
            for form in [
                Text::copy(&text),
                Text::from(text.clone()),
                Text::from(text.clone().into_boxed_str()),
                Text::from(shared),
                Text::from(Cow::Owned(text.clone())),
                Text::copy(&text).into_shared(),
            ] {
                prop_assert_eq!(form.as_str(), text.as_str());
                prop_assert_eq!(form.len(), text.len());
            }
        }
    }
}
