//! Datadog's own test agent, `ddapm-test-agent`: the real endpoints, with checks of what they are
//! sent.
//!
//! The first one in a test process takes the time to start Python, and the very first under a
//! target directory that to install it; each further one starts in milliseconds. So every test has
//! its own, and sees nothing of the others.
//!
//! ```
//! use tracehound_test_support::{TestAgent, http};
//!
//! let agent = TestAgent::start();
//! let response = http::put("/v0.4/traces")
//!     .header("Content-Type", "application/msgpack")
//!     .header("Datadog-Meta-Tracer-Version", "1.0")
//!     .header("X-Datadog-Trace-Count", 0)
//!     .body([0x90]) // no chunks
//!     .send(agent.address())
//!     .unwrap();
//! assert_eq!(response.status, 200);
//! agent.assert_no_check_failures();
//! ```

// `host` is the Python process (`python/agent_host.py`) with all agents of a test process, `agent` one of them, `api`
// what can be asked of it.

mod agent;
mod api;
mod host;

pub use agent::{Builder, TestAgent};
pub use api::CheckFailure;
