//! The way to the Datadog agent: where it is, one connection to it, what is said and what it answers.
//!
//! Everything here runs on the worker's thread, and waits there, with a limit; work for that time can be given.
//! There is no descriptor but the connection's own, and nothing of it is known to the rest of the process.

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
