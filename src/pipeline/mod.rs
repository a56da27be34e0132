//! From the hand-off of a chunk to the agent: a bounded queue, and one thread that owns all that is slow.

mod awaited;
mod backoff;
mod exit;
mod inner;
mod keep_rate;
mod ledger;
mod link;
#[cfg(all(test, tracehound_model))]
mod models;
mod outbox;
mod pace;
mod packer;
mod pool;
mod problem;
mod queue;
mod room;
mod sent;
mod signal;
mod sink;
mod turns;
mod waiters;
mod worker;
mod writer;

pub(crate) use exit::{end_all, exit_timeout, set_exit_timeout};
pub(crate) use inner::{Plan, Settings};
pub(crate) use sink::Pipeline;
