//! Spans of requests that come in.

use std::net::IpAddr;

use super::client_ip;
use super::header_tags::{Message, Wanted};
use super::message::resource;
use super::paths::{quantized_path, simplified_endpoint};
use super::request::RequestInfo;
use super::response::ResponseInfo;
use super::seen::{ALWAYS, Seen, text};
use super::tagging::{Settings, Tagging};
use super::target::host_of;
use crate::text::Text;
use crate::trace::{SpanKind, SpanRef};

/// What a server has to remember of a request until it is answered; made by [`Tagging::server_request`].
#[derive(Debug, Default)]
#[must_use = "give it to `Tagging::server_response`, which sets the status and the final resource"]
pub struct ServerTags {
    method: Text,
    /// The resource that the span has as long as no route is known.
    provisional: Option<Text>,
    /// The path for `http.endpoint`.
    simplified: Option<Text>,
    /// The route for `http.endpoint`.
    route: Option<Text>,
}

impl Tagging {
    /// Tags the span of a request that came in, when it has started.
    ///
    /// The span becomes one of kind `server` and type `web`. Its resource is the method with the route, or with the path
    /// in which what varies is replaced, until [`Tagging::server_response`] knows better.
    pub fn server_request(&self, span: &SpanRef, request: &RequestInfo<'_>) -> ServerTags {
        // Nothing has to be found out for a span that records nothing.
        if span.is_none() {
            return ServerTags::default();
        }
        let settings = &*self.settings;
        settings.begin(span, SpanKind::Server, "web");
        let mut wanted = (!settings.headers.is_empty())
            .then(|| Wanted::new(&settings.headers, Message::Request));
        let seen = request.headers.map_or_else(Seen::default, |headers| {
            Seen::of(headers, settings.client_ip_headers(), &mut wanted)
        });
        let host = seen.host.map(text).unwrap_or_default();
        let mut request = *request;
        if request.target.host.is_empty() {
            request.target.set_authority(&host);
        }
        let method = settings.set_request(span, &request, &settings.server_query, wanted);
        set_seen(span, &seen, request.target.host);
        if settings.client_ip {
            settings.set_client_ip(span, &seen, request.peer);
        }
        settings.set_path(span, &request, method)
    }

    /// Tags the span of a request that was answered, before it ends. Without a response the handler has failed, and the
    /// status is 500.
    ///
    /// A resource that the program has set meanwhile stays. A span that is an error already keeps what was said of it.
    pub fn server_response(
        &self,
        span: &SpanRef,
        tags: ServerTags,
        response: Option<&ResponseInfo<'_>>,
    ) {
        if span.is_none() {
            return;
        }
        let settings = &*self.settings;
        let failed = ResponseInfo::new(500);
        let response = response.unwrap_or(&failed);
        response.set_tags(span, &settings.server_errors, &settings.headers);
        if let Some(provisional) = &tags.provisional {
            let better = match response.route {
                Some(route) => Some(resource(&tags.method, route)),
                // Whatever was asked for, nothing was there: one resource for all such paths.
                None => (response.status() == 404).then(|| resource(&tags.method, "404")),
            };
            let is_ours = || span.read(|view| view.resource() == **provisional) == Some(true);
            if let Some(better) = better.filter(|_| is_ours()) {
                span.set_resource(better);
            }
        }
        if let Some(route) = response.route.filter(|_| tags.provisional.is_some()) {
            span.set_tag("http.route", route);
        }
        if settings.endpoint {
            settings.set_endpoint(span, tags, response);
        }
    }
}

/// Sets what the headers say that always count.
fn set_seen(span: &SpanRef, seen: &Seen<'_>, host: &str) {
    if !host.is_empty() {
        span.set_tag("http.host", host);
    }
    if let Some(agent) = seen.user_agent {
        span.set_tag("http.useragent", &*text(agent));
    }
    if let Some(host) = seen.referer.map(text).as_deref().and_then(host_of) {
        span.set_tag("http.referrer_hostname", host);
    }
    for ((_, tag), value) in ALWAYS.iter().zip(seen.always) {
        if let Some(value) = value {
            span.set_tag(*tag, &*text(value));
        }
    }
}

impl Settings {
    fn set_client_ip(&self, span: &SpanRef, seen: &Seen<'_>, peer: Option<IpAddr>) {
        let peer = peer.map(|peer| peer.to_canonical());
        if let Some(peer) = peer {
            span.set_tag("network.client.ip", peer.to_string());
        }
        let names: Vec<_> = self.client_ip_headers().collect();
        let values: Vec<_> = seen.client_ip.iter().map(|(at, value)| (*at, text(value))).collect();
        let headers = values.iter().map(|(at, value)| {
            let name = names.get(*at).copied().unwrap_or_default();
            (name, &**value)
        });
        // Who names one header trusts no other source.
        let peer = peer.filter(|_| self.client_ip_header.is_none());
        if let Some(client) = client_ip::resolve(headers, peer) {
            span.set_tag("http.client_ip", client.to_string());
        }
    }

    /// Sets the route and the resource.
    fn set_path(&self, span: &SpanRef, request: &RequestInfo<'_>, method: Text) -> ServerTags {
        let path = request.target.path();
        let simplifies = self.endpoint && (self.always_simplified || request.route.is_none());
        let mut tags = ServerTags {
            simplified: simplifies.then(|| simplified_endpoint(path).into()),
            method,
            ..ServerTags::default()
        };
        match request.route {
            Some(route) => {
                span.set_tag("http.route", route);
                span.set_resource(resource(&tags.method, route));
                tags.route = self.endpoint.then(|| Text::copy(route));
            }
            None => {
                let provisional = resource(&tags.method, &quantized_path(path));
                span.set_resource(provisional.clone());
                tags.provisional = Some(provisional);
            }
        }
        tags
    }

    fn set_endpoint(&self, span: &SpanRef, tags: ServerTags, response: &ResponseInfo<'_>) {
        let route = tags.route.or(response.route.map(Text::copy));
        let endpoint = match (route, tags.simplified) {
            (Some(route), _) if !self.always_simplified => Some(route),
            (None, _) if response.status() == 404 => None,
            (_, simplified) => simplified,
        };
        if let Some(endpoint) = endpoint {
            span.set_tag("http.endpoint", endpoint);
        }
    }
}
