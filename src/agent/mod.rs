//! A client of one Datadog agent: where it is, one connection to it, what is said and what it answers.
//!
//! - `client`: sends a request and reads the answer; keeps the connection for the next one.
//! - `dial`: opens a connection; `target`: what the URL of an agent means for a request.
//! - `connection`: one HTTP/1 connection, which hyper speaks; `transport`: what hyper reads from and writes to; `body`:
//!   what a request and an answer have in them.
//! - `stream`: what a connection runs over; `socket`: one of the system's; `shared_stream`: how far a request is.
//! - `deadline`: how long the agent may keep the worker waiting; `meanwhile`: what the worker does in that time.
//! - `headers`: what a request says beside its body; `container`: which container this process runs in.
//! - `response`: what an answer to a payload means; `info`: what the agent can do; `error`: why no answer came.
//!
//! Everything here runs on the worker's thread, and waits there, with a limit. There is no descriptor but the
//! connection's own, and nothing of it is known to the rest of the process: no runtime, no thread but one for a name
//! that has to be looked up. `pipeline` decides by [`SendError`] and [`Outcome`] what is sent again, so
//! whether the agent may have a request has to be exact: `shared_stream` counts every byte for that.

mod body;
mod client;
mod connection;
mod container;
mod deadline;
mod dial;
mod error;
mod headers;
mod info;
mod meanwhile;
mod response;
mod shared_stream;
mod socket;
mod stream;
mod target;
#[cfg(test)]
mod test_server;
mod transport;

pub(crate) use client::{Client, Request};
pub(crate) use container::ContainerOrigin;
pub(crate) use error::{SendError, SendErrorKind};
pub(crate) use headers::{common_headers, trace_headers};
pub(crate) use info::{AgentInfo, AgentState};
pub(crate) use meanwhile::{Meanwhile, Step};
pub(crate) use response::{Outcome, Rates, RatesVersion};
