//! Colours, or none.

/// What colours mean; the escape codes are ECMA-48's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    Bold,
    Dim,
    Error,
    ErrorBold,
    Warning,
    /// One of a few, so that spans of one service look alike.
    Service(&'static str),
}

/// Neither red, which is for errors, nor black, white and their kin, which are backgrounds.
const SERVICES: [&str; 8] = ["36", "32", "35", "34", "33", "96", "92", "95"];

impl Paint {
    /// The colour of a service, the same one in every run.
    pub(super) fn service(name: &str) -> Self {
        let hash =
            name.bytes().fold(0u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        let index = usize::try_from(hash).ok().and_then(|hash| hash.checked_rem(SERVICES.len()));
        SERVICES.get(index.unwrap_or_default()).map_or(Self::Plain, |code| Self::Service(code))
    }

    /// The text in this colour, if `color` is on.
    pub(super) fn on(self, text: &str, color: bool) -> String {
        let code = match self {
            _ if !color => return text.to_owned(),
            Paint::Plain => return text.to_owned(),
            Paint::Bold => "1",
            Paint::Dim => "2",
            Paint::Error => "31",
            Paint::ErrorBold => "1;31",
            Paint::Warning => "33",
            Paint::Service(code) => code,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
