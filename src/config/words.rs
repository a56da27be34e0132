//! Enums whose values are written as words.

/// Makes an enum of which each value has a word, and perhaps other spellings that are read as well: with `as_str`,
/// `Display`, and `from_word`, which ignores case.
macro_rules! words {
    (
        $(#[$meta:meta])+
        pub enum $name:ident {
            $($(#[$doc:meta])+ $value:ident = $word:literal $(| $spelling:literal)*,)+
        }
    ) => {
        $(#[$meta])+
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])+ $value,)+
        }

        impl $name {
            /// The word for it: in a variable, in reports and in Datadog's telemetry.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$value => $word,)+
                }
            }

            #[allow(dead_code, reason = "not every choice is read from a text")]
            pub(super) fn from_word(text: &str) -> Option<Self> {
                let text = text.to_ascii_lowercase();
                match text.as_str() {
                    $($word $(| $spelling)* => Some($name::$value),)+
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

pub(super) use words;
