//! Values of a configuration that comes from elsewhere.

/// A value of a configuration key, for [`TracerBuilder::config`](crate::TracerBuilder::config): what a file of
/// settings or a dictionary of another language holds.
///
/// ```
/// use tracehound_opentracing::ConfigValue;
///
/// assert_eq!(ConfigValue::from(8126), ConfigValue::Integer(8126));
/// assert_eq!(ConfigValue::from(None::<&str>), ConfigValue::Null);
/// let tags = ConfigValue::map([("team", "payments")]);
/// assert_eq!(tags, ConfigValue::Map(vec![("team".into(), "payments".into())]));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConfigValue {
    /// Nothing: the default.
    Null,
    /// A switch.
    Bool(bool),
    /// A number.
    Integer(i64),
    /// Text.
    Text(String),
    /// Values in order.
    List(Vec<ConfigValue>),
    /// Values by name.
    Map(Vec<(String, ConfigValue)>),
}

impl ConfigValue {
    /// Values by name.
    pub fn map<K: Into<String>, V: Into<ConfigValue>>(
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        ConfigValue::Map(
            entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
        )
    }
}

macro_rules! from {
    ($($source:ty => |$value:ident| $target:expr;)*) => {
        $(impl From<$source> for ConfigValue {
            fn from($value: $source) -> Self {
                $target
            }
        })*
    };
}

from! {
    bool => |value| ConfigValue::Bool(value);
    i32 => |value| ConfigValue::Integer(value.into());
    i64 => |value| ConfigValue::Integer(value);
    u16 => |value| ConfigValue::Integer(value.into());
    &str => |value| ConfigValue::Text(value.to_owned());
    String => |value| ConfigValue::Text(value);
}

impl<T: Into<ConfigValue>> From<Option<T>> for ConfigValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(ConfigValue::Null, Into::into)
    }
}

impl<T: Into<ConfigValue>> From<Vec<T>> for ConfigValue {
    fn from(values: Vec<T>) -> Self {
        ConfigValue::List(values.into_iter().map(Into::into).collect())
    }
}
