//! The way to the Datadog agent: where it is, one connection to it, what is said and what it answers.
//!
//! Everything here runs on the worker's thread, inside a tokio runtime with I/O and time enabled; no call
//! blocks that thread.

mod body;
mod client;
mod connection;
mod container;
mod deadline;
mod dial;
mod error;
mod headers;
mod info;
mod response;
mod target;
#[cfg(test)]
mod test_server;
mod transport;

pub(crate) use client::{Client, Request};
pub(crate) use container::ContainerOrigin;
pub(crate) use error::SendError;
pub(crate) use headers::{common_headers, trace_headers};
pub(crate) use info::{AgentInfo, AgentState};
pub(crate) use response::{Outcome, Rates, RatesVersion};
