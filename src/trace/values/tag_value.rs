//! The value of a tag as the user gives it. How a span stores it is in `trace/tags/stored.rs`.

use std::borrow::Cow;
use std::sync::Arc;

use crate::text::Text;

/// A value for [`SpanRef::set_tag`](crate::SpanRef::set_tag), made from whatever converts into it.
///
/// Text and booleans become string tags (`meta`), numbers become numeric tags (`metrics`), lists and maps
/// are flattened into `key.0`, `key.name`; `None` and `()` remove the tag. `manual.keep`, `manual.drop` and
/// `_dd.measured` are on with any value that is not a clear no, so with `None` and `()` too.
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
    /// No value: removes the tag, or switches on what the key stands for (`manual.keep`).
    None,
}

impl<'a> TagValue<'a> {
    /// Whether a switch such as `manual.keep` or `error` is on: all but `false`, `0`, `f`, zero, nothing.
    pub(crate) fn is_truthy(&self) -> bool {
        match self.as_text() {
            Some(text) => !["", "0", "f", "false"].iter().any(|off| text.eq_ignore_ascii_case(off)),
            None => {
                self.as_number().map_or(!matches!(self, TagValue::None), |number| number != 0.0)
            }
        }
    }

    /// The value as a finite number, for tags that must be one.
    #[expect(clippy::cast_precision_loss, reason = "the protocol has floats only")]
    pub(crate) fn as_number(&self) -> Option<f64> {
        let number = match self {
            TagValue::Str(text) => text.trim().parse().ok()?,
            TagValue::Text(text) => text.trim().parse().ok()?,
            TagValue::Bool(on) => f64::from(u8::from(*on)),
            TagValue::I64(number) => *number as f64,
            TagValue::U64(number) => *number as f64,
            TagValue::F64(number) => *number,
            TagValue::List(_) | TagValue::Map(_) | TagValue::None => return None,
        };
        Some(number).filter(|number| number.is_finite())
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

    /// Whether a value switches on what any value does switch on but a clear no (`false`, `0`, `f`, zero), such as
    /// `manual.keep`. No value and an empty text switch it on.
    pub(crate) fn is_asked(&self) -> bool {
        matches!(self, TagValue::None) || self.as_text() == Some("") || self.is_truthy()
    }

    /// The characters, where the value is text.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            TagValue::Str(text) => Some(text),
            TagValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Calls `store` with each value that is not a list or a map: this one under `key`, or, of a list or a map, those in it
    /// under `key.0`, `key.name`.
    pub(crate) fn flatten(self, key: Text, store: &mut impl FnMut(Text, Self)) {
        match self {
            TagValue::List(values) => {
                for (index, value) in values.into_iter().enumerate() {
                    value.flatten(format!("{key}.{index}").into(), store);
                }
            }
            TagValue::Map(entries) => {
                for (name, value) in entries {
                    value.flatten(format!("{key}.{name}").into(), store);
                }
            }
            single => store(key, single),
        }
    }
}

/// Whether a float, as the agent stores numeric tags, holds the number exactly: up to 2^53.
#[inline]
pub(crate) fn is_exact(number: i64) -> bool {
    number.unsigned_abs() <= 1 << 53
}

#[inline]
pub(crate) fn bool_text(on: bool) -> Text {
    Text::literal(if on { "true" } else { "false" })
}

conversions! { TagValue<'a>, lists: TagValue::List;
    () => |_value| TagValue::None;
    &'a str, &'a String, &'a Text => |value| TagValue::Str(value);
    Text => |value| TagValue::Text(value);
    String, Box<str>, Arc<str> => |value| TagValue::Text(value.into());
    Cow<'a, str> => |value| match value {
        Cow::Borrowed(text) => TagValue::Str(text),
        Cow::Owned(text) => TagValue::Text(text.into()),
    };
    &'a [u8] => |value| String::from_utf8_lossy(value).into();
    char => |value| TagValue::Text(Text::copy(value.encode_utf8(&mut [0; 4])));
    bool => |value| TagValue::Bool(value);
    i64 => |value| TagValue::I64(value);
    u64 => |value| TagValue::U64(value);
    f64 => |value| TagValue::F64(value);
    i8, i16, i32 => |value| TagValue::I64(value.into());
    u8, u16, u32 => |value| TagValue::U64(value.into());
    f32 => |value| TagValue::F64(value.into());
    isize, i128 => |value| {
        i64::try_from(value).map_or_else(|_| value.to_string().into(), TagValue::I64)
    };
    usize, u128 => |value| {
        u64::try_from(value).map_or_else(|_| value.to_string().into(), TagValue::U64)
    };
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
