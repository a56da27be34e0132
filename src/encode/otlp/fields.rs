//! The messages of OTLP, as far as they are written: each field by its number, for protobuf, and its name, for JSON.
//!
//! Numbers and names are those of `opentelemetry/proto/{collector/trace,trace,common,resource}/v1/*.proto`.

/// A field of a message.
#[derive(Clone, Copy, Debug)]
pub(in crate::encode) struct Field {
    pub(super) number: u8,
    pub(super) name: &'static str,
}

/// Makes a module of each message, with a constant for each field.
macro_rules! messages {
    ($($message:ident { $($field:ident = $number:literal $name:literal,)+ })+) => {$(
        pub(super) mod $message {
            use super::Field;
            $(
                pub(in crate::encode::otlp) const $field: Field =
                    Field { number: $number, name: $name };
            )+
        }
    )+};
}

messages! {
    request {
        RESOURCE_SPANS = 1 "resourceSpans",
    }
    resource_spans {
        RESOURCE = 1 "resource",
        SCOPE_SPANS = 2 "scopeSpans",
    }
    resource {
        ATTRIBUTES = 1 "attributes",
    }
    scope_spans {
        SCOPE = 1 "scope",
        SPANS = 2 "spans",
    }
    scope {
        NAME = 1 "name",
        VERSION = 2 "version",
    }
    span {
        TRACE_ID = 1 "traceId",
        SPAN_ID = 2 "spanId",
        TRACE_STATE = 3 "traceState",
        PARENT_SPAN_ID = 4 "parentSpanId",
        NAME = 5 "name",
        KIND = 6 "kind",
        START = 7 "startTimeUnixNano",
        END = 8 "endTimeUnixNano",
        ATTRIBUTES = 9 "attributes",
        DROPPED_ATTRIBUTES = 10 "droppedAttributesCount",
        EVENTS = 11 "events",
        DROPPED_EVENTS = 12 "droppedEventsCount",
        LINKS = 13 "links",
        STATUS = 15 "status",
        FLAGS = 16 "flags",
    }
    event {
        TIME = 1 "timeUnixNano",
        NAME = 2 "name",
        ATTRIBUTES = 3 "attributes",
        DROPPED_ATTRIBUTES = 4 "droppedAttributesCount",
    }
    link {
        TRACE_ID = 1 "traceId",
        SPAN_ID = 2 "spanId",
        TRACE_STATE = 3 "traceState",
        ATTRIBUTES = 4 "attributes",
        DROPPED_ATTRIBUTES = 5 "droppedAttributesCount",
        FLAGS = 6 "flags",
    }
    status {
        MESSAGE = 2 "message",
        CODE = 3 "code",
    }
    attribute {
        KEY = 1 "key",
        VALUE = 2 "value",
    }
    any_value {
        TEXT = 1 "stringValue",
        BOOL = 2 "boolValue",
        INT = 3 "intValue",
        DOUBLE = 4 "doubleValue",
        ARRAY = 5 "arrayValue",
        BYTES = 7 "bytesValue",
    }
    array {
        VALUES = 1 "values",
    }
}
