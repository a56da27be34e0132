//! Names as the Agent and the backend normalise them.

/// The longest tag, in characters.
const MAX_TAG: usize = 200;

/// The longest name of a service or an operation, in characters.
const MAX_NAME: usize = 100;

/// A tag as the backend shows it: in lower case, beginning with a letter or a colon, with `_` for what is not a letter,
/// a digit or one of `.`, `/`, `-` and `:`, never twice and not at the end; up to 200 characters.
///
/// ```
/// assert_eq!(tracehound::quantize::tag_name("Team: Web & API"), "team:_web_api");
/// ```
#[must_use]
pub fn tag_name(text: &str) -> String {
    tag(text, MAX_TAG)
}

/// A service as the backend shows it: as [`tag_name`], up to 100 characters; `unnamed-service` where nothing is left.
#[must_use]
pub fn service_name(text: &str) -> String {
    or(tag(text, MAX_NAME), "unnamed-service")
}

/// The name of an operation as the backend shows it: beginning with an ASCII letter, with `_` for what is not an ASCII
/// letter, a digit or a `.`, never twice, not beside a `.` and not at the end; up to 100 characters, in the case that it
/// has. `unnamed_operation` where nothing is left.
///
/// ```
/// assert_eq!(tracehound::quantize::operation_name("Web.Request Foo"), "Web.Request_Foo");
/// ```
#[must_use]
pub fn operation_name(text: &str) -> String {
    let mut name = String::new();
    let begins = text.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    for c in begins.chars().take(MAX_NAME) {
        match c {
            '.' => {
                if name.ends_with('_') {
                    name.pop();
                }
                name.push('.');
            }
            c if c.is_ascii_alphanumeric() => name.push(c),
            _ if name.ends_with(['.', '_']) => {}
            _ => name.push('_'),
        }
    }
    or(without_end(name), "unnamed_operation")
}

fn tag(text: &str, longest: usize) -> String {
    let begins = text.trim_start_matches(|c: char| !c.is_alphabetic() && c != ':');
    let (mut name, mut length) = (String::new(), 0);
    for c in begins.chars() {
        if length == longest {
            break;
        }
        if c.is_alphanumeric() || matches!(c, '.' | '/' | '-' | ':') {
            name.extend(c.to_lowercase());
        } else if name.ends_with('_') {
            continue;
        } else {
            name.push('_');
        }
        length += 1;
    }
    without_end(name)
}

fn without_end(mut name: String) -> String {
    name.truncate(name.trim_end_matches('_').len());
    name
}

fn or(name: String, fallback: &str) -> String {
    if name.is_empty() { fallback.to_owned() } else { name }
}
