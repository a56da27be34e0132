//! Paths with what varies replaced, so that not each request has a resource of its own.

use std::borrow::Cow;

/// The path of a resource where no route is known: a segment that is more than letters, `-` and `_` becomes `*`, but for
/// the version of an API such as `v2`.
///
/// ```
/// assert_eq!(tracehound::http::quantized_path("/v2/users/42"), "/v2/users/*");
/// ```
#[must_use]
pub fn quantized_path(path: &str) -> Cow<'_, str> {
    if path.split('/').all(is_constant) {
        return path.into();
    }
    let mut quantized = String::with_capacity(path.len());
    for (index, segment) in path.split('/').enumerate() {
        quantized.push_str(if index > 0 { "/" } else { "" });
        quantized.push_str(if is_constant(segment) { segment } else { "*" });
    }
    quantized.into()
}

fn is_constant(segment: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_');
    let digits = segment.strip_prefix('v').filter(|digits| !digits.is_empty());
    segment.bytes().all(is_word)
        || digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// How many elements of a path an endpoint has.
const MAX_ELEMENTS: usize = 8;

/// An element from this length on is a value.
const LONG: usize = 20;

/// The path of `http.endpoint`: the first eight elements of a URL's path, with `{param:int}` and the like for values.
///
/// It takes a path, or a URL with scheme and host.
///
/// ```
/// use tracehound::http::simplified_endpoint;
///
/// assert_eq!(simplified_endpoint("/users/42/photos/abc123"), "/users/{param:int}/photos/{param:hex}");
/// ```
#[must_use]
pub fn simplified_endpoint(url: &str) -> String {
    let target = super::target::Target::parse(url);
    let mut endpoint = String::new();
    let elements = target.path().split('/').filter(|element| !element.is_empty());
    for element in elements.take(MAX_ELEMENTS) {
        endpoint.push('/');
        endpoint.push_str(parameter(element).unwrap_or(element));
    }
    if endpoint.is_empty() {
        endpoint.push('/');
    }
    endpoint
}

/// What stands for an element that is a value: the first rule that fits.
fn parameter(element: &str) -> Option<&'static str> {
    let all = |is: fn(u8) -> bool| element.bytes().all(is);
    let has_digit = element.bytes().any(|byte| byte.is_ascii_digit());
    let length = element.len();
    let is_punctuation = |byte: u8| matches!(byte, b'.' | b'_' | b'-');
    if has_digit && length >= 2 && !element.starts_with('0') && all(|byte| byte.is_ascii_digit()) {
        return Some("{param:int}");
    }
    let is_id = |byte: u8| byte.is_ascii_digit() || is_punctuation(byte);
    if has_digit && length >= 3 && element.bytes().all(is_id) {
        return Some("{param:int_id}");
    }
    if has_digit && length >= 6 && all(|byte| byte.is_ascii_hexdigit()) {
        return Some("{param:hex}");
    }
    let is_hex_id = |byte: u8| byte.is_ascii_hexdigit() || is_punctuation(byte);
    if has_digit && length >= 6 && element.bytes().all(is_hex_id) {
        return Some("{param:hex_id}");
    }
    let is_special = |byte: u8| b"%&'()*+,:=@".contains(&byte);
    (length >= LONG || element.bytes().any(is_special)).then_some("{param:str}")
}
