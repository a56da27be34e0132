//! Spans of requests that go out.

use super::header_tags::{Message, Wanted};
use super::message::resource;
use super::paths::quantized_path;
use super::request::RequestInfo;
use super::response::ResponseInfo;
use super::tagging::Tagging;
use crate::text::first_bytes;
use crate::trace::{SourceCache, SpanKind, SpanRef};

/// Of a host so much is a service, in bytes, which is what the Agent takes.
const MAX_SERVICE_BYTES: usize = 100;

/// The option that makes it one, looked up once.
static SPLIT_BY_DOMAIN: SourceCache = SourceCache::new();

impl Tagging {
    /// Tags the span of a request that goes out, when it has started.
    ///
    /// The span becomes one of kind `client` and type `http`. Its resource is the method with the path in which what
    /// varies is replaced.
    pub fn client_request(&self, span: &SpanRef, request: &RequestInfo<'_>) {
        if span.is_none() {
            return;
        }
        let settings = &*self.settings;
        settings.begin(span, SpanKind::Client, "http");
        let wanted = request.headers.filter(|_| !settings.headers.is_empty()).map(|headers| {
            let mut wanted = Wanted::new(&settings.headers, Message::Request);
            headers.for_each(&mut |name, value| wanted.see(name, value));
            wanted
        });
        let method = settings.set_request(span, request, &settings.client_query, wanted);
        span.set_resource(resource(&method, &quantized_path(request.target.path())));
        let (host, port) = request.target.host_and_port();
        if !host.is_empty() {
            span.set_tag("out.host", host);
            span.set_tag("network.destination.name", host);
            if settings.split_by_domain {
                let service = first_bytes(request.target.host, MAX_SERVICE_BYTES);
                let option = || "opt.split_by_domain".to_owned();
                span.set_service_by(service.into(), SPLIT_BY_DOMAIN.get(option));
            }
        }
        if let Some(port) = port {
            span.set_tag("network.destination.port", port);
        }
    }

    /// Tags the span of a request that was answered, before it ends; of one that was not, without a response.
    ///
    /// What went wrong with a request that was not answered is said by [`SpanRef::set_error`]. The tag `peer.service` is
    /// set here as well, as [`PeerService`](crate::PeerService) does it.
    pub fn client_response(&self, span: &SpanRef, response: Option<&ResponseInfo<'_>>) {
        if span.is_none() {
            return;
        }
        let settings = &*self.settings;
        if let Some(response) = response {
            response.set_tags(span, &settings.client_errors, &settings.headers);
        }
        settings.peer_service.set(span);
    }
}
