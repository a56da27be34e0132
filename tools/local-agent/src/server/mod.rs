//! The agent's HTTP interface, on a thread of its own.

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
