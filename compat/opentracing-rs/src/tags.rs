//! Names of the standard tags, and the values that some of them take.
//!
//! From OpenTracing's semantic conventions, version 1.1.

/// The library, framework or module that made the span: text, such as `grpc` or `JDBI`.
pub const COMPONENT: &str = "component";

/// The name of the database: text.
pub const DB_INSTANCE: &str = "db.instance";

/// The statement that the database runs: text.
pub const DB_STATEMENT: &str = "db.statement";

/// The kind of the database: text, `sql` for any that speaks SQL, else its name in lower case.
pub const DB_TYPE: &str = "db.type";

/// Who asks the database: text.
pub const DB_USER: &str = "db.user";

/// Whether the operation failed: boolean.
pub const ERROR: &str = "error";

/// The method of an HTTP request: text, such as `GET`.
pub const HTTP_METHOD: &str = "http.method";

/// The status of an HTTP response: integer.
pub const HTTP_STATUS_CODE: &str = "http.status_code";

/// The URL of an HTTP request: text.
pub const HTTP_URL: &str = "http.url";

/// Where a message goes to or comes from: text, such as the name of a queue.
pub const MESSAGE_BUS_DESTINATION: &str = "message_bus.destination";

/// The address of the other side, in the form that its kind of connection has: text.
pub const PEER_ADDRESS: &str = "peer.address";

/// The host name of the other side: text.
pub const PEER_HOSTNAME: &str = "peer.hostname";

/// The IPv4 address of the other side: text.
pub const PEER_IPV4: &str = "peer.ipv4";

/// The IPv6 address of the other side: text.
pub const PEER_IPV6: &str = "peer.ipv6";

/// The port of the other side: integer.
pub const PEER_PORT: &str = "peer.port";

/// The name of the service on the other side: text.
pub const PEER_SERVICE: &str = "peer.service";

/// Whether to keep the trace: integer, above 0 to do one's best to keep it, 0 not to.
pub const SAMPLING_PRIORITY: &str = "sampling.priority";

/// The service that the span belongs to, where it is not the tracer's: text.
pub const SERVICE: &str = "service";

/// The role of the span: one of [`SPAN_KIND_CLIENT`], [`SPAN_KIND_SERVER`], [`SPAN_KIND_PRODUCER`] and
/// [`SPAN_KIND_CONSUMER`].
pub const SPAN_KIND: &str = "span.kind";

/// The value of [`SPAN_KIND`] on the side that calls.
pub const SPAN_KIND_CLIENT: &str = "client";

/// The value of [`SPAN_KIND`] on the side that takes a message.
pub const SPAN_KIND_CONSUMER: &str = "consumer";

/// The value of [`SPAN_KIND`] on the side that gives a message.
pub const SPAN_KIND_PRODUCER: &str = "producer";

/// The value of [`SPAN_KIND`] on the side that is called.
pub const SPAN_KIND_SERVER: &str = "server";
