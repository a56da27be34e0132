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
                let values: Vec<String> = values.iter().map(Value::to_string).collect();
                write!(f, "[{}]", values.join(", "))
            }
            Self::Map(entries) => {
                let entry = |(key, value): &(Text, Value)| format!("{key}: {value}");
                let entries: Vec<String> = entries.iter().map(entry).collect();
                write!(f, "{{{}}}", entries.join(", "))
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
                values.iter().map(Value::approximate_bytes).fold(0, usize::saturating_add)
            }
            Self::Map(entries) => {
                let sizes = entries.iter().flat_map(|(key, v)| [key.len(), v.approximate_bytes()]);
                sizes.fold(0, usize::saturating_add)
            }
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
