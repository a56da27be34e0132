//! An agent that misbehaves on demand: real sockets, in the test's own process.
//!
//! ```
//! use std::time::Duration;
//! use tracehound_test_support::{FaultAgent, Reply, http};
//!
//! let agent = FaultAgent::start(|request| match request.number {
//!     0 => Reply::status(503),
//!     _ => Reply::rates(&[("service:,env:", 0.5)]),
//! });
//! assert_eq!(http::put("/v0.4/traces").send(agent.address()).unwrap().status, 503);
//! assert_eq!(http::put("/v0.4/traces").send(agent.address()).unwrap().status, 200);
//! agent.wait_for_requests(2, Duration::from_secs(5));
//! ```

// `agent` is what a test holds, `server` the threads behind it; `connections` says which are open and how long each may
// go on, `reply` what is answered, `log` what was received. A new fault is an `Act` of `reply`, or a `Greeting` of
// `server` if it comes before the first request; the tests of the whole workspace rely on each doing exactly that.

mod agent;
mod connections;
mod log;
mod reply;
pub mod scripts;
mod server;

pub use agent::FaultAgent;
pub use log::Received;
pub use reply::Reply;
pub use server::{Greeting, Pace};
