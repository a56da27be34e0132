//! The agent's HTTP interface, on a thread of its own.
//!
//! `agent` is the handle, `run` what its thread does, `connection` one connection, `route` one request; `endpoint` is the
//! list of paths, where a new one is added. All meet in `shared`, the store with its lock. Clients rely on the answers
//! being those of Datadog's agent.

mod agent;
mod connection;
mod endpoint;
mod info;
mod listen;
mod options;
mod route;
mod run;
mod shared;

pub use agent::LocalAgent;
pub use options::Options;
