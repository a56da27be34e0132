//! From the hand-off of a chunk to the agent: a bounded queue, and one thread that owns all that is slow.

mod exit;
mod inner;
mod keep_rate;
mod link;
mod outbox;
mod packer;
mod queue;
mod sent;
mod signal;
mod sink;
mod worker;
mod writer;

pub(crate) use exit::{end_all, exit_timeout, set_exit_timeout};
pub(crate) use inner::{Plan, Settings};
pub(crate) use sink::Pipeline;
