//! What an integration knows of a response.

use std::fmt;

use super::header_tags::{HeaderTags, Message, Wanted};
use crate::config::StatusRanges;
use crate::propagation::Extractor;
use crate::text::Text;
use crate::trace::SpanRef;

/// A response, as far as it is known when its span ends. All of it is borrowed.
#[derive(Clone, Copy)]
pub struct ResponseInfo<'a> {
    status: u16,
    headers: Option<&'a dyn Extractor>,
    pub(super) route: Option<&'a str>,
}

impl<'a> ResponseInfo<'a> {
    /// A status; 0 counts as 200, because that is what servers send where none was set.
    #[must_use]
    pub fn new(status: u16) -> Self {
        ResponseInfo { status: if status == 0 { 200 } else { status }, headers: None, route: None }
    }

    /// The headers.
    #[must_use]
    pub fn headers(mut self, headers: &'a dyn Extractor) -> Self {
        self.headers = Some(headers);
        self
    }

    /// The route as the framework writes it, where it was not known before the request was answered.
    #[must_use]
    pub fn route(mut self, route: &'a str) -> Self {
        self.route = Some(route);
        self
    }

    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// Sets the tags that clients and servers have alike: the status, whether that is an error, and headers.
    pub(super) fn set_tags(&self, span: &SpanRef, errors: &StatusRanges, headers: &HeaderTags) {
        let mut digits = [0; 5];
        span.set_tag("http.status_code", decimal(self.status, &mut digits));
        if errors.contains(self.status) && !span.is_error() {
            span.set_error_message(error_message(self.status));
        }
        if let Some(found) = self.headers.filter(|_| !headers.is_empty()) {
            let mut wanted = Wanted::new(headers, Message::Response);
            found.for_each(&mut |name, value| wanted.see(name, value));
            wanted.set(span);
        }
    }
}

impl fmt::Debug for ResponseInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseInfo")
            .field("status", &self.status)
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}

/// `503: Service Unavailable`; of a status without a reason the number alone.
fn error_message(status: u16) -> Text {
    let reason =
        ::http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    match reason {
        Some(reason) => format!("{status}: {reason}").into(),
        None => status.to_string().into(),
    }
}

/// A number as text, without an allocation.
fn decimal(number: u16, digits: &mut [u8; 5]) -> &str {
    let mut rest = number;
    let mut length = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        length += 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    let written = digits.len().checked_sub(length).and_then(|from| digits.get(from..));
    written.and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_digits() {
        for number in [0, 7, 99, 100, 200, 599, 999, u16::MAX] {
            assert_eq!(decimal(number, &mut [0; 5]), number.to_string());
        }
    }
}
