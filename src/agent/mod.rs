//! A client of one Datadog agent: its address, one connection to it, requests and answers.
//!
//! - `client`: sends a request and reads the answer; keeps the connection for the next one.
//! - `dial`: opens a connection; `target`: what the URL of an agent means for a request.
//! - `connection`: one connection, through hyper; `driver`: what makes it go on; `http2`: the version of HTTP that gRPC
//!   needs; `transport`: what hyper reads from and writes to; `body`: the
//!   bodies of requests and answers.
//! - `stream`: what a connection runs over; `socket`: a socket of the system; `tls`: what makes one secret;
//!   `shared_stream`: how much of a request has been written.
//! - `deadline`: how long the worker waits for the agent; `meanwhile`: what it does in that time.
//! - `headers`: the headers of a request; `container`: which container this process runs in.
//! - `response`: what an answer to a payload means; `otlp`: the same for a collector, which gets OTLP; `info`: what the agent can do; `error`: why no answer came.
//!
//! Everything here runs on the worker's thread, which waits here, each time with a limit. There is no runtime, no file
//! descriptor but that of the connection, and no other thread but one while a name is looked up. `pipeline` decides by
//! [`SendError`] and [`Outcome`] what is sent again. So whether the agent may have received a request has to be exact:
//! `shared_stream` counts every byte for that.

mod body;
mod client;
mod connection;
mod container;
mod deadline;
mod dial;
mod driver;
mod error;
mod headers;
#[cfg_attr(not(feature = "grpc"), path = "http2_none.rs")]
mod http2;
mod info;
mod meanwhile;
pub(crate) mod otlp;
mod response;
mod shared_stream;
mod socket;
mod stream;
mod target;
#[cfg(test)]
mod test_server;
#[cfg_attr(not(feature = "tls"), path = "tls_none.rs")]
mod tls;
mod transport;

pub(crate) use client::{Client, Request};
pub(crate) use connection::Version;
pub(crate) use container::ContainerOrigin;
pub(crate) use error::{SendError, SendErrorKind};
pub(crate) use headers::{
    ClientStats, DroppedP0s, OBFUSCATION_VERSION, common_headers, stats_headers, trace_headers,
};
pub(crate) use info::{AgentInfo, AgentState, TagFilters};
pub(crate) use meanwhile::{Meanwhile, Step};
pub(crate) use response::{Outcome, Rates, RatesVersion};
