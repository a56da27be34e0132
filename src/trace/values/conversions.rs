//! The conversions into a type of values, as a table.

/// Implements `From` for a type: `source, source => |value| expression;`. The type may have the lifetime `'a`. Its variant
/// for lists takes vectors and arrays of all that converts into it.
macro_rules! conversions {
    ($target:ty, lists: $list:path; $($($source:ty),+ => |$value:ident| $converted:expr;)+) => {
        $($(impl<'a> From<$source> for $target {
            #[inline]
            fn from($value: $source) -> Self {
                $converted
            }
        })+)+

        impl<'a, T: Into<$target>> From<Vec<T>> for $target {
            fn from(values: Vec<T>) -> Self {
                $list(values.into_iter().map(Into::into).collect())
            }
        }

        impl<'a, T: Into<$target>, const N: usize> From<[T; N]> for $target {
            fn from(values: [T; N]) -> Self {
                $list(values.into_iter().map(Into::into).collect())
            }
        }
    };
}
