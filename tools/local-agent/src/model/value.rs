//! Texts and typed attribute values.

use std::fmt;
use std::sync::Arc;

/// A text that many spans may share: decoders hand out one copy per payload.
pub type Text = Arc<str>;

/// An attribute value of a link or an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text.
    String(Text),
    /// True or false.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// Uninterpreted bytes.
    Bytes(Arc<[u8]>),
    /// A list; v1 allows mixed types, the older encodings do not.
    Array(Vec<Value>),
    /// A list of named values; v1 only.
    Map(Vec<(Text, Value)>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => f.write_str(text),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Double(value) => write!(f, "{value:?}"),
            Self::Bytes(bytes) => write!(f, "<{} bytes>", bytes.len()),
            Self::Array(values) => {
                f.write_str("[")?;
                for (i, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Map(entries) => {
                f.write_str("{")?;
                for (i, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
        }
    }
}

impl Value {
    /// Roughly the memory it holds, shared texts counted each time.
    pub(crate) fn approximate_bytes(&self) -> usize {
        let held = match self {
            Self::String(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Bool(_) | Self::Int(_) | Self::Double(_) => 0,
            Self::Array(values) => {
                values.iter().fold(0, |sum: usize, v| sum.saturating_add(v.approximate_bytes()))
            }
            Self::Map(entries) => entries.iter().fold(0, |sum: usize, (key, value)| {
                sum.saturating_add(key.len()).saturating_add(value.approximate_bytes())
            }),
        };
        held.saturating_add(size_of::<Self>())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_like_json_without_quotes() {
        let value = Value::Map(vec![
            ("a".into(), Value::Array(vec![Value::Int(-1), Value::Double(1.0), "x".into()])),
            ("b".into(), Value::Bytes(Arc::from([1, 2].as_slice()))),
            ("c".into(), Value::Bool(true)),
        ]);
        assert_eq!(value.to_string(), "{a: [-1, 1.0, x], b: <2 bytes>, c: true}");
    }
}
