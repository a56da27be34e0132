//! The numbers of v1.0: of the fields, of the types of attributes, and of the kinds of spans.

use crate::trace::SpanKind;

pub(in crate::encode) mod payload {
    pub(in crate::encode) const LANGUAGE: u8 = 3;
    pub(in crate::encode) const LANGUAGE_VERSION: u8 = 4;
    pub(in crate::encode) const TRACER_VERSION: u8 = 5;
    pub(in crate::encode) const RUNTIME_ID: u8 = 6;
    pub(in crate::encode) const ENV: u8 = 7;
    pub(in crate::encode) const HOSTNAME: u8 = 8;
    pub(in crate::encode) const APP_VERSION: u8 = 9;
    pub(in crate::encode) const ATTRIBUTES: u8 = 10;
    pub(in crate::encode) const CHUNKS: u8 = 11;
}

pub(in crate::encode) mod chunk {
    pub(in crate::encode) const PRIORITY: u8 = 1;
    pub(in crate::encode) const ORIGIN: u8 = 2;
    pub(in crate::encode) const ATTRIBUTES: u8 = 3;
    pub(in crate::encode) const SPANS: u8 = 4;
    pub(in crate::encode) const TRACE_ID: u8 = 6;
    pub(in crate::encode) const MECHANISM: u8 = 7;
}

pub(in crate::encode) mod span {
    pub(in crate::encode) const SERVICE: u8 = 1;
    pub(in crate::encode) const NAME: u8 = 2;
    pub(in crate::encode) const RESOURCE: u8 = 3;
    pub(in crate::encode) const SPAN_ID: u8 = 4;
    pub(in crate::encode) const PARENT_ID: u8 = 5;
    pub(in crate::encode) const START: u8 = 6;
    pub(in crate::encode) const DURATION: u8 = 7;
    pub(in crate::encode) const ERROR: u8 = 8;
    pub(in crate::encode) const ATTRIBUTES: u8 = 9;
    pub(in crate::encode) const TYPE: u8 = 10;
    pub(in crate::encode) const LINKS: u8 = 11;
    pub(in crate::encode) const EVENTS: u8 = 12;
    pub(in crate::encode) const ENV: u8 = 13;
    pub(in crate::encode) const VERSION: u8 = 14;
    pub(in crate::encode) const COMPONENT: u8 = 15;
    pub(in crate::encode) const KIND: u8 = 16;
}

pub(in crate::encode) mod link {
    pub(in crate::encode) const TRACE_ID: u8 = 1;
    pub(in crate::encode) const SPAN_ID: u8 = 2;
    pub(in crate::encode) const ATTRIBUTES: u8 = 3;
    pub(in crate::encode) const TRACESTATE: u8 = 4;
    pub(in crate::encode) const FLAGS: u8 = 5;
}

pub(in crate::encode) mod event {
    pub(in crate::encode) const TIME: u8 = 1;
    pub(in crate::encode) const NAME: u8 = 2;
    pub(in crate::encode) const ATTRIBUTES: u8 = 3;
}

/// The types of attributes.
pub(in crate::encode) mod kind_of {
    pub(in crate::encode) const TEXT: u8 = 1;
    pub(in crate::encode) const BOOL: u8 = 2;
    pub(in crate::encode) const F64: u8 = 3;
    pub(in crate::encode) const I64: u8 = 4;
    pub(in crate::encode) const BYTES: u8 = 5;
    pub(in crate::encode) const ARRAY: u8 = 6;
}

/// The kinds of spans; no kind is not written.
pub(in crate::encode) const KINDS: [(u8, SpanKind); 5] = [
    (1, SpanKind::Internal),
    (2, SpanKind::Server),
    (3, SpanKind::Client),
    (4, SpanKind::Producer),
    (5, SpanKind::Consumer),
];

/// The user's tags that have fields, and these.
pub(in crate::encode) const TAGS: [(&str, u8); 3] =
    [("env", span::ENV), ("version", span::VERSION), ("component", span::COMPONENT)];
