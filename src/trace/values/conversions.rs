//! The conversions of a type of values, as a table.

/// Implements `From` for a type: `source, source => |value| expression;`. The type may have the lifetime `'a`.
macro_rules! conversions {
    ($target:ty: $($($source:ty),+ => |$value:ident| $converted:expr;)+) => {
        $($(impl<'a> From<$source> for $target {
            #[inline]
            fn from($value: $source) -> Self {
                $converted
            }
        })+)+
    };
}
