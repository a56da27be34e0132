//! Text from the wire made fit for a terminal: harmless, and as wide as its column.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

/// Characters per column at most: marks without width could pile up without end.
const CHARS_PER_COLUMN: usize = 4;

/// The text with everything escaped that would move the cursor, change colours, reorder or hide
/// text.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push(&mut out, c);
    }
    out
}

/// The text, escaped and, if wider than `columns`, cut with `…`.
pub fn fit(text: &str, columns: usize) -> String {
    let mut out = String::new();
    let mut piece = String::new();
    // Where to cut if the text turns out to be too wide: there is room for the ellipsis.
    let mut cut = 0;
    for (nth, c) in text.chars().enumerate() {
        piece.clear();
        push(&mut piece, c);
        let before = out.len();
        out.push_str(&piece);
        // Measured as a whole, since characters combine: an emoji of five may take two columns.
        let wide = width(&out);
        if wide > columns || nth >= columns.saturating_mul(CHARS_PER_COLUMN) {
            out.truncate(cut.min(before));
            if columns > 0 {
                out.push('…');
            }
            return out;
        }
        if wide < columns {
            cut = out.len();
        }
    }
    out
}

/// The columns an escaped text takes.
pub(super) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// As [`fit`], filled up with spaces to exactly `columns`.
pub(super) fn column(text: &str, columns: usize) -> String {
    let mut out = fit(text, columns);
    let missing = columns.saturating_sub(width(&out));
    out.extend(std::iter::repeat_n(' ', missing));
    out
}

fn push(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if is_harmful(c) => {
            // Writing to a string cannot fail.
            let _ = write!(out, "{}", c.escape_unicode());
        }
        c => out.push(c),
    }
}

/// Controls, and what is invisible or changes the direction of the text around it. The joiner of
/// emoji (U+200D) and the variation selectors stay: without them names in many scripts break.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_would_act_on_the_terminal_is_escaped() {
        assert_eq!(escape("a\x1b[31mb\x07\u{9b}2J"), r"a\u{1b}[31mb\u{7}\u{9b}2J");
        assert_eq!(escape("one\ntwo\r\tx"), r"one\ntwo\r\tx");
        assert_eq!(escape("evil\u{202e}txt\u{2066}"), r"evil\u{202e}txt\u{2066}");
        assert_eq!(escape("größe 名前 ❤️"), "größe 名前 ❤️");
    }

    #[test]
    fn texts_are_cut_by_columns_not_characters() {
        let table = [
            ("short", 10, "short"),
            ("exactly10!", 10, "exactly10!"),
            ("eleven char", 10, "eleven ch…"),
            ("名前名前", 8, "名前名前"),
            ("名前名前", 7, "名前名…"),
            ("名前名前", 6, "名前…"),
            ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
            ("a\nb", 3, r"a…"),
            ("x", 0, ""),
        ];
        for (text, columns, expected) in table {
            assert_eq!(fit(text, columns), expected, "{text} in {columns}");
        }
    }

    #[test]
    fn marks_without_width_are_limited() {
        let zalgo = format!("e{}", "\u{301}".repeat(1000));
        assert!(fit(&zalgo, 10).chars().count() <= 41);
    }

    proptest! {
        #[test]
        fn a_column_is_as_wide_as_it_says(text in any::<String>(), columns in 0usize..40) {
            let out = column(&text, columns);
            prop_assert_eq!(width(&out), columns);
            prop_assert!(!out.chars().any(is_harmful));
        }
    }
}
