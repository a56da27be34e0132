//! HTTP/1.1 as far as tests need it: one request per connection, over TCP or a Unix socket, every
//! step under a deadline; and the reading half that [`FaultAgent`](crate::FaultAgent) serves with.

// Knows nothing of agents. It is strict about what it reads: a tracer's mistake must fail a test.

mod client;
mod headers;
mod message;
mod socket;

pub use client::{Call, Response, get, post, put};
pub use headers::Headers;
pub use message::Request;
pub use socket::Address;

pub(crate) use message::read_request;
pub(crate) use socket::{Listener, Stream};
