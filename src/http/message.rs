//! What spans of servers and clients have alike.

use std::borrow::Cow;
use std::sync::Arc;

use super::header_tags::Wanted;
use super::query::Query;
use super::request::RequestInfo;
use super::tagging::Settings;
use crate::propagation::with_scratch;
use crate::text::{Text, first_bytes};
use crate::trace::{SpanKind, SpanRef};

/// Of a method that is none of HTTP's own so much is kept, in bytes.
const MAX_METHOD_BYTES: usize = 32;

/// The methods of HTTP, which are literals.
const METHODS: [&str; 9] =
    ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE"];

/// A method in upper case.
pub(super) fn method(method: &str) -> Text {
    match METHODS.iter().find(|known| known.eq_ignore_ascii_case(method)) {
        Some(known) => Text::literal(known),
        None => first_bytes(method, MAX_METHOD_BYTES).to_ascii_uppercase().into(),
    }
}

/// `METHOD rest`, as a text that can be kept beside the span without a copy.
pub(super) fn resource(method: &Text, rest: &str) -> Text {
    with_scratch(|buffer| {
        buffer.extend_from_slice(method.as_bytes());
        buffer.push(b' ');
        buffer.extend_from_slice(rest.as_bytes());
        let resource = std::str::from_utf8(buffer).unwrap_or_default();
        match resource.len() {
            ..=Text::IN_PLACE => Text::copy(resource),
            _ => Text::from(Arc::<str>::from(resource)),
        }
    })
}

impl Settings {
    /// What every span of HTTP has, whichever side it is of.
    pub(super) fn begin(&self, span: &SpanRef, kind: SpanKind, span_type: &'static str) {
        span.set_kind(kind);
        span.set_type(span_type);
        span.set_tag("_dd.measured", 1);
        if let Some(component) = &self.component {
            span.set_tag("component", component);
        }
    }

    /// Sets what the request line says, and the headers that were found.
    pub(super) fn set_request(
        &self,
        span: &SpanRef,
        request: &RequestInfo<'_>,
        query: &Query,
        headers: Option<Wanted<'_, '_>>,
    ) -> Text {
        let method = method(request.method);
        span.set_tag("http.method", method.clone());
        set_url(span, request, query);
        if let Some(query) = request.target.query.filter(|_| self.query_string) {
            span.set_tag("http.query.string", query);
        }
        if let Some(version) = request.version {
            span.set_tag("http.version", version);
        }
        if let Some(headers) = headers {
            headers.set(span);
        }
        method
    }
}

/// Sets `http.url`. A URL of which nothing has to go is copied as it is.
fn set_url(span: &SpanRef, request: &RequestInfo<'_>, query: &Query) {
    let target = &request.target;
    let kept = target.query.map(|text| query.of(text, target.is_cut));
    let is_as_it_was = matches!(&kept, None | Some(Some(Cow::Borrowed(_))))
        && kept.iter().flatten().all(|kept| Some(kept.len()) == target.query.map(str::len));
    if let Some(url) = target.whole.filter(|_| is_as_it_was) {
        return span.set_tag("http.url", url);
    }
    with_scratch(|buffer| {
        let mut write = |text: &str| buffer.extend_from_slice(text.as_bytes());
        if !target.host.is_empty() {
            write(if target.scheme.is_empty() { "http" } else { target.scheme });
            write("://");
            write(target.host);
        }
        write(target.path);
        if let Some(query) = kept.flatten() {
            write("?");
            write(&query);
        }
        if let Some(fragment) = target.fragment {
            write("#");
            write(fragment);
        }
        span.set_tag("http.url", std::str::from_utf8(buffer).unwrap_or_default());
    });
}
