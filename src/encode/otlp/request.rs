//! The whole of a request: what comes before the spans and after them.

use super::fields::{Field, request, resource_spans, scope_spans};
use super::form::Form;
use super::json::Json;
use super::protobuf::{Protobuf, push_varint};
use super::resource::{resource, scope};
use crate::config::OtlpProtocol;
use crate::encode::process::Process;
use crate::trace::Shared;

/// What all requests of a tracer have around their spans.
///
/// A request has one `ResourceSpans` with one `ScopeSpans`, so spans that have been written can go into any request:
/// only lengths depend on them.
#[derive(Debug)]
pub(in crate::encode) struct Envelope {
    protocol: OtlpProtocol,
    /// The field `resource` of `ResourceSpans`. In JSON: all that comes before the first span.
    resource: Vec<u8>,
    /// The field `scope` of `ScopeSpans`. Empty in JSON.
    scope: Vec<u8>,
}

/// The prefix of a gRPC message: not compressed, and its length in four bytes.
const GRPC_PREFIX: usize = 5;

impl Envelope {
    pub(in crate::encode) fn new(
        protocol: OtlpProtocol,
        shared: &Shared,
        process: &Process,
    ) -> Self {
        if protocol == OtlpProtocol::HttpJson {
            let resource = json_beginning(shared, process);
            return Envelope { protocol, resource, scope: Vec::new() };
        }
        let (mut first, mut second) = (Protobuf::default(), Protobuf::default());
        first.message(resource_spans::RESOURCE, |form| resource(form, shared, process));
        scope(&mut second);
        Envelope { protocol, resource: first.0, scope: second.0 }
    }

    pub(super) fn protocol(&self) -> OtlpProtocol {
        self.protocol
    }

    pub(in crate::encode) fn is_json(&self) -> bool {
        self.protocol == OtlpProtocol::HttpJson
    }

    /// What comes before spans of so many bytes.
    pub(in crate::encode) fn before(&self, spans: usize) -> Vec<u8> {
        if self.is_json() {
            return self.resource.clone();
        }
        let scope_spans = self.scope.len() + spans;
        let inner_header = header(resource_spans::SCOPE_SPANS, scope_spans);
        let all = self.resource.len() + inner_header.len() + scope_spans;
        let outer_header = header(request::RESOURCE_SPANS, all);
        let mut before = Vec::with_capacity(self.most_bytes());
        if self.protocol == OtlpProtocol::Grpc {
            let message = u32::try_from(outer_header.len() + all).unwrap_or(u32::MAX);
            before.push(0);
            before.extend_from_slice(&message.to_be_bytes());
        }
        for part in [&outer_header, &self.resource, &inner_header, &self.scope] {
            before.extend_from_slice(part);
        }
        before
    }

    /// What comes after the spans.
    pub(in crate::encode) fn after(&self) -> &'static [u8] {
        match self.protocol {
            OtlpProtocol::HttpJson => b"]}]}]}",
            OtlpProtocol::HttpProtobuf | OtlpProtocol::Grpc => b"",
        }
    }

    /// The most bytes that it adds to the spans.
    pub(in crate::encode) fn most_bytes(&self) -> usize {
        /// A tag, and a length of up to 4 GiB.
        const HEADER: usize = 6;
        self.resource.len() + self.scope.len() + 2 * HEADER + GRPC_PREFIX + self.after().len()
    }
}

fn header(field: Field, len: usize) -> Vec<u8> {
    let mut form = Protobuf::default();
    form.begin_message(field);
    push_varint(&mut form.0, len as u64);
    form.0
}

fn json_beginning(shared: &Shared, process: &Process) -> Vec<u8> {
    let mut form = Json(b"{".to_vec());
    form.list(request::RESOURCE_SPANS, |form| {
        form.element(request::RESOURCE_SPANS, |form| {
            form.message(resource_spans::RESOURCE, |form| resource(form, shared, process));
            form.list(resource_spans::SCOPE_SPANS, |form| {
                form.element(resource_spans::SCOPE_SPANS, |form| {
                    scope(form);
                    form.list(scope_spans::SPANS, |_| {});
                });
            });
        });
    });
    // What closes them comes after the spans.
    let closing = b"]}]}]".len();
    form.0.truncate(form.0.len() - closing);
    form.0
}
