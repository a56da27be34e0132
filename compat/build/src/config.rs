//! The configuration of a repository: where it came from.

use std::path::Path;

use crate::files::{Files, Problem};

const MAX_BYTES: u64 = 1024 * 1024;

/// The URL of the remote `origin`. `None` where there is no such remote.
pub(crate) fn origin_url(common: &Path, files: &mut Files) -> Result<Option<String>, Problem> {
    let text = files.text(&common.join("config"), MAX_BYTES)?;
    Ok(text.and_then(|text| url(&text)))
}

/// `remote.origin.url`; of several the last, as `git config --get` has it. What other files are included for is not
/// looked at.
fn url(text: &str) -> Option<String> {
    let mut is_origin = false;
    let mut found = None;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut line = line.trim_start();
        if let Some(section) = line.strip_prefix('[') {
            let (name, rest) = header(section)?;
            is_origin = name == ("remote".to_owned(), Some("origin".to_owned()));
            // A setting may follow on the same line.
            line = rest.trim_start();
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let value = value_of(value, &mut lines);
        if is_origin && key.trim().eq_ignore_ascii_case("url") {
            found = Some(value);
        }
    }
    found.filter(|url| !url.is_empty())
}

/// The name of a section, as it is compared, and what follows it: `remote "origin"]`, or the older `remote.origin]`.
/// `None` where it does not end.
fn header(text: &str) -> Option<((String, Option<String>), &str)> {
    let end = text.find(['"', ']'])?;
    let (name, rest) = text.split_at_checked(end)?;
    let name = name.trim().to_ascii_lowercase();
    if let Some(rest) = rest.strip_prefix(']') {
        let both = match name.split_once('.') {
            Some((name, of)) => (name.to_owned(), Some(of.to_owned())),
            None => (name, None),
        };
        return Some((both, rest));
    }
    let mut of = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let rest = rest.get(at.checked_add(1)?..)?.trim_start().strip_prefix(']')?;
                return Some(((name, Some(of)), rest));
            }
            '\\' => of.extend(chars.next().map(|(_, c)| c)),
            c => of.push(c),
        }
    }
    None
}

/// A value: without quotes and comments, with what is escaped, and with the lines that follow a `\` at its end.
fn value_of<'t>(first: &str, lines: &mut impl Iterator<Item = &'t str>) -> String {
    let mut value = String::new();
    // How much of it is not blanks that end the line.
    let mut kept = 0;
    let mut is_quoted = false;
    let mut line = first.trim_start();
    loop {
        let mut chars = line.chars();
        let goes_on = loop {
            match chars.next() {
                None => break false,
                Some('#' | ';') if !is_quoted => break false,
                Some('"') => {
                    is_quoted = !is_quoted;
                    kept = value.len();
                }
                Some('\\') => match chars.next() {
                    None => break true,
                    Some('n') => value.push('\n'),
                    Some('t') => value.push('\t'),
                    Some(c) => value.push(c),
                },
                Some(c) => value.push(c),
            }
            if is_quoted || !value.ends_with([' ', '\t', '\r']) {
                kept = kept.max(value.len());
            }
        };
        match goes_on.then(|| lines.next()).flatten() {
            Some(next) => line = next,
            None => break,
        }
    }
    value.truncate(kept);
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_url_of_origin_is_found_in_every_form() {
        let url_is = |text: &str| url(text);
        let expected = Some("https://h/a.git".to_owned());
        for text in [
            "[remote \"origin\"]\n\turl = https://h/a.git\n",
            "[remote \"origin\"]\nurl=https://h/a.git",
            "[REMOTE \"origin\"] URL = https://h/a.git",
            "[remote.origin]\r\n\turl = https://h/a.git\r\n",
            "[remote \"origin\"]\n\turl = \"https://h/a.git\" ; a comment\n",
            "[remote \"origin\"]\n\turl = https://h/a.git # another\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n",
            "[remote \"origin\"]\n\turl = https://\\\nh/a.git\n",
            "[remote \"origin\"]\n\turl = https://old/a.git\n[core]\n\tbare = false\n[remote \"origin\"]\nurl = https://h/a.git",
            "# url = x\n[core]\n\turl = y\n[remote \"other\"]\n\turl = z\n[remote \"origin\"]\n\turl = https://h/a.git\n[branch \"main\"]\n\turl = x",
            "[remote \"ori\\gin\"]\n\turl = https://h/a.git",
        ] {
            assert_eq!(url_is(text), expected, "{text}");
        }
        for text in [
            "",
            "url = x",
            "[remote \"Origin\"]\nurl = x",
            "[remote \"origin\nurl = x",
            "[remote \"origin\"]\nurl\n",
            "[remote \"origin\"]\nurl =\n",
            "[remote]\nurl = x",
            "[remote \"origin\"]\npushurl = x",
        ] {
            assert_eq!(url_is(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_upsets_it(text in "(\\[remote \"origin\"\\]|url|=|\\\\|\"|\n|[ a-z;#]|.){0,40}") {
            let _ = url(&text);
        }
    }
}
