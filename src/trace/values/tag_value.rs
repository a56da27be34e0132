//! The value of a tag: as the user gives it, and as a span keeps it.

use std::borrow::Cow;
use std::sync::Arc;

use crate::text::Text;

/// A value for [`SpanRef::set_tag`](crate::SpanRef::set_tag), made from whatever converts into it.
///
/// Text and booleans become string tags (`meta`), numbers become numeric tags (`metrics`), lists and maps
/// are flattened into `key.0`, `key.name`; `None` and `()` remove the tag, and are a yes to `manual.keep`,
/// `manual.drop` and `_dd.measured`, which take any value for one that does not say no.
///
/// ```
/// use tracehound::TagValue;
///
/// let list = TagValue::from(vec![1, 2]);
/// assert_eq!(list, TagValue::List(vec![TagValue::I64(1), TagValue::I64(2)]));
/// assert_eq!(TagValue::from(None::<u8>), TagValue::from(()));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TagValue<'a> {
    /// A string tag whose characters are copied when it is set.
    Str(&'a str),
    /// A string tag whose characters are taken over.
    Text(Text),
    /// The string tag `true` or `false`.
    Bool(bool),
    /// A numeric tag; beyond ±2^53, where a float would lose digits, a string tag with the decimal text.
    I64(i64),
    /// As [`TagValue::I64`].
    U64(u64),
    /// A numeric tag; NaN and infinities are dropped.
    F64(f64),
    /// One tag for each element: `key.0`, `key.1`; an empty list leaves no tag.
    List(Vec<TagValue<'a>>),
    /// One tag for each entry: `key.name`.
    Map(Vec<(Text, TagValue<'a>)>),
    /// No value: removes the tag, or asks for what the key stands for.
    None,
}

/// The largest integer that a float, as the agent keeps numeric tags, holds exactly: 2^53.
pub(crate) const MAX_EXACT: u64 = 1 << 53;

impl<'a> TagValue<'a> {
    /// Whether a switch such as `manual.keep` or `error` is on: all but `false`, `0`, `f`, zero, nothing.
    pub(crate) fn is_truthy(&self) -> bool {
        match self {
            TagValue::Str(text) => is_truthy(text),
            TagValue::Text(text) => is_truthy(text),
            TagValue::Bool(on) => *on,
            TagValue::I64(number) => *number != 0,
            TagValue::U64(number) => *number != 0,
            TagValue::F64(number) => *number != 0.0,
            TagValue::List(_) | TagValue::Map(_) => true,
            TagValue::None => false,
        }
    }

    /// The value as a number, for tags that must be one.
    pub(crate) fn as_number(&self) -> Option<f64> {
        match self {
            TagValue::Str(text) => number(text),
            TagValue::Text(text) => number(text),
            TagValue::Bool(on) => Some(f64::from(u8::from(*on))),
            #[expect(clippy::cast_precision_loss, reason = "the wire has floats only")]
            TagValue::I64(number) => Some(*number as f64),
            #[expect(clippy::cast_precision_loss, reason = "the wire has floats only")]
            TagValue::U64(number) => Some(*number as f64),
            TagValue::F64(number) => Some(*number).filter(|number| number.is_finite()),
            TagValue::List(_) | TagValue::Map(_) | TagValue::None => None,
        }
    }

    /// The value as text, for tags that must be text: `http.status_code`, the service.
    pub(crate) fn into_text(self) -> Option<Text> {
        match self {
            TagValue::Str(text) => Some(Text::copy(text)),
            TagValue::Text(text) => Some(text),
            TagValue::Bool(on) => Some(bool_text(on)),
            TagValue::I64(number) => Some(number.to_string().into()),
            TagValue::U64(number) => Some(number.to_string().into()),
            TagValue::F64(number) => Some(number.to_string().into()),
            TagValue::List(_) | TagValue::Map(_) | TagValue::None => None,
        }
    }

    /// Whether something that any value asks for, such as `manual.keep`, is asked for: all but a clear no, which is
    /// `false`, `0`, `f` or zero.
    pub(crate) fn is_asked(&self) -> bool {
        let is_said = !matches!(self, TagValue::None) && self.as_text() != Some("");
        !is_said || self.is_truthy()
    }

    /// Whether the value is a number that is none, which no tag can be.
    pub(crate) fn is_no_number(&self) -> bool {
        matches!(self, TagValue::F64(number) if !number.is_finite())
    }

    /// The characters, where the value is text.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            TagValue::Str(text) => Some(text),
            TagValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The same value, with its characters where they are; lists and maps are copied.
    #[inline]
    pub(crate) fn borrowed(&self) -> TagValue<'_> {
        match self {
            TagValue::Str(text) => TagValue::Str(text),
            TagValue::Text(text) => TagValue::Str(text),
            TagValue::Bool(on) => TagValue::Bool(*on),
            TagValue::I64(number) => TagValue::I64(*number),
            other => other.clone(),
        }
    }

    /// Calls `store` for each text that this value makes under `key`, where only texts can be kept; without one to
    /// remove what is there.
    pub(crate) fn flatten_texts(self, key: Text, store: &mut impl FnMut(Text, Option<Text>)) {
        match self {
            TagValue::List(values) => {
                for (index, value) in values.into_iter().enumerate() {
                    value.flatten_texts(format!("{key}.{index}").into(), store);
                }
            }
            TagValue::Map(entries) => {
                for (name, value) in entries {
                    value.flatten_texts(format!("{key}.{name}").into(), store);
                }
            }
            single => store(key, single.into_text()),
        }
    }
}

/// Whether a float holds the number exactly.
#[inline]
pub(crate) fn is_exact(number: i64) -> bool {
    number.unsigned_abs() <= MAX_EXACT
}

fn is_truthy(text: &str) -> bool {
    !["", "0", "f", "false"].iter().any(|off| text.eq_ignore_ascii_case(off))
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

#[inline]
pub(crate) fn bool_text(on: bool) -> Text {
    Text::literal(if on { "true" } else { "false" })
}

macro_rules! from {
    ($($source:ty => |$value:ident| $target:expr;)*) => {
        $(impl From<$source> for TagValue<'_> {
            #[inline]
            fn from($value: $source) -> Self {
                $target
            }
        })*
    };
}

from! {
    () => |_value| TagValue::None;
    Text => |value| TagValue::Text(value);
    String => |value| TagValue::Text(value.into());
    Box<str> => |value| TagValue::Text(value.into());
    Arc<str> => |value| TagValue::Text(value.into());
    char => |value| TagValue::Text(Text::copy(value.encode_utf8(&mut [0; 4])));
    bool => |value| TagValue::Bool(value);
    i8 => |value| TagValue::I64(value.into());
    i16 => |value| TagValue::I64(value.into());
    i32 => |value| TagValue::I64(value.into());
    i64 => |value| TagValue::I64(value);
    isize => |value| i64::try_from(value).map_or(TagValue::None, TagValue::I64);
    u8 => |value| TagValue::U64(value.into());
    u16 => |value| TagValue::U64(value.into());
    u32 => |value| TagValue::U64(value.into());
    u64 => |value| TagValue::U64(value);
    usize => |value| u64::try_from(value).map_or(TagValue::None, TagValue::U64);
    i128 => |value| i64::try_from(value).map_or_else(|_| value.to_string().into(), TagValue::I64);
    u128 => |value| u64::try_from(value).map_or_else(|_| value.to_string().into(), TagValue::U64);
    f32 => |value| TagValue::F64(value.into());
    f64 => |value| TagValue::F64(value);
}

impl<'a> From<&'a str> for TagValue<'a> {
    #[inline]
    fn from(value: &'a str) -> Self {
        TagValue::Str(value)
    }
}

impl<'a> From<&'a String> for TagValue<'a> {
    #[inline]
    fn from(value: &'a String) -> Self {
        TagValue::Str(value)
    }
}

impl<'a> From<&'a Text> for TagValue<'a> {
    #[inline]
    fn from(value: &'a Text) -> Self {
        TagValue::Str(value)
    }
}

impl<'a> From<Cow<'a, str>> for TagValue<'a> {
    fn from(value: Cow<'a, str>) -> Self {
        match value {
            Cow::Borrowed(text) => TagValue::Str(text),
            Cow::Owned(text) => TagValue::Text(text.into()),
        }
    }
}

impl<'a> From<&'a [u8]> for TagValue<'a> {
    fn from(value: &'a [u8]) -> Self {
        String::from_utf8_lossy(value).into()
    }
}

/// Text is equal by its characters, borrowed or not.
impl PartialEq for TagValue<'_> {
    fn eq(&self, other: &Self) -> bool {
        if let (Some(one), Some(other)) = (self.as_text(), other.as_text()) {
            return one == other;
        }
        match (self, other) {
            (TagValue::Bool(one), TagValue::Bool(other)) => one == other,
            (TagValue::I64(one), TagValue::I64(other)) => one == other,
            (TagValue::U64(one), TagValue::U64(other)) => one == other,
            (TagValue::F64(one), TagValue::F64(other)) => one == other,
            (TagValue::List(one), TagValue::List(other)) => one == other,
            (TagValue::Map(one), TagValue::Map(other)) => one == other,
            (TagValue::None, TagValue::None) => true,
            _ => false,
        }
    }
}

impl<'a, T: Into<TagValue<'a>>> From<Option<T>> for TagValue<'a> {
    #[inline]
    fn from(value: Option<T>) -> Self {
        value.map_or(TagValue::None, Into::into)
    }
}

impl<'a, T: Into<TagValue<'a>>> From<Vec<T>> for TagValue<'a> {
    fn from(values: Vec<T>) -> Self {
        TagValue::List(values.into_iter().map(Into::into).collect())
    }
}

impl<'a, T: Into<TagValue<'a>>, const N: usize> From<[T; N]> for TagValue<'a> {
    fn from(values: [T; N]) -> Self {
        TagValue::List(values.into_iter().map(Into::into).collect())
    }
}
