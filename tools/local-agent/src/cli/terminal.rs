//! Whether to colour.

use std::io::IsTerminal;

/// Whether a stream gets colours: as told, or on terminals that take them (<https://no-color.org>).
pub(super) fn color(wish: Option<bool>, stream: &impl IsTerminal) -> bool {
    let fits = || stream.is_terminal() && allowed(variable("NO_COLOR"), variable("TERM"));
    wish.unwrap_or_else(fits)
}

fn allowed(no_color: Option<String>, term: Option<String>) -> bool {
    no_color.is_none_or(|value| value.is_empty()) && term.is_none_or(|term| term != "dumb")
}

#[expect(clippy::disallowed_methods, reason = "the terminal's, not the tracer's configuration")]
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_and_dumb_terminals_are_respected() {
        assert!(allowed(None, None));
        assert!(allowed(Some(String::new()), Some("xterm-256color".into())));
        assert!(!allowed(Some("1".into()), None));
        assert!(!allowed(None, Some("dumb".into())));
    }
}
