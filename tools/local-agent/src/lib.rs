//! A Datadog agent for one's own terminal.
//!
//! It speaks the trace part of the agent's protocol, checks what it receives strictly, joins the
//! pieces of each trace and draws it as a tree. Nothing leaves the machine. Use it to see what a
//! program sends when there is no agent at hand: run the `tracehound-local-agent` binary, or embed
//! it:
//!
//! ```no_run
//! use std::time::Duration;
//! use tracehound_local_agent::{LocalAgent, Options, Style, render};
//!
//! # fn main() -> std::io::Result<()> {
//! let agent = LocalAgent::start(Options::default())?;
//! println!("send traces to {}", agent.url());
//! agent.wait_for(|store| store.trace_count() >= 1, Duration::from_secs(5));
//! for trace in agent.traces() {
//!     print!("{}", render(&trace, &Style::default()));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The parts know each other in one direction only, so that another front end can take the place of
//! the last:
//!
//! | module | is | uses |
//! | --- | --- | --- |
//! | [`model`] | spans, traces, trees, findings | nothing |
//! | [`decode`] | bytes to model, for every encoding | `model` |
//! | [`check`] | what a strict agent verifies | `model`, `decode` |
//! | [`store`] | the latest traces, bounded | `model`, `decode`, `check` |
//! | [`server`] | HTTP over TCP and Unix sockets | all of these |
//! | [`display`] | model to text | `model` |

pub mod check;
pub mod decode;
pub mod display;
pub mod model;
pub mod server;
pub mod store;

mod sync;

pub use display::{Style, render};
pub use model::{Finding, Span, Trace};
pub use server::{LocalAgent, Options};
pub use store::{Limits, Report, Store};
