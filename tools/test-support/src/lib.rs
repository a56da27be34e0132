//! What the end-to-end tests of Tracehound stand on: real components where there are any, and
//! scripted faults where a real component will not fail on demand.
//!
//! | A test wants | it uses |
//! | --- | --- |
//! | an agent that checks what it is sent | [`TestAgent`], Datadog's own test agent |
//! | an agent that misbehaves | [`FaultAgent`], with a [`Reply`] for each request |
//! | certificates, and TLS in front of that agent | [`tls::Authority`], [`FaultAgent::start_tls`] |
//! | another tracer to talk to | [`python::Peer`], with the real `ddtrace` package |
//! | a Redis server | [`redis_server`], which brings one where none is installed |
//! | to look into a payload | [`decode`], which gives typed [`Span`]s |
//! | a hang to be a failure | [`within`] |
//!
//! These are tools for tests: what goes wrong panics, with a message that says what was expected
//! and what there was instead.

#![expect(clippy::panic, reason = "a panic is how a test fails")]

pub mod decode;
mod fail;
pub mod fault_agent;
pub mod http;
pub mod python;
mod redis;
pub mod span;
pub mod test_agent;
mod time;
pub mod tls;

pub use fault_agent::{FaultAgent, Reply};
pub use redis::redis_server;
pub use span::Span;
pub use test_agent::TestAgent;
pub use time::within;
