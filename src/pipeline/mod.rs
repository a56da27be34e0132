//! From the hand-off of a chunk to the agent: a bounded queue, and one background thread, the worker, that owns all that
//! is slow.
//!
//! A chunk goes through these files, from the top to the bottom:
//!
//! - `sink`: what traces and the tracer see of it: submit, flush, shutdown; one pipeline for each process.
//! - `inner`: what the application's threads and the worker share.
//! - `queue`: the bounded hand-off, in shards; `room`: the bytes of all that waits; `pool`: emptied vectors going back.
//! - `ledger`: where every accepted span is, so that each is delivered or lost and counted once.
//! - `signal`: calls to the worker, and waiting for it; `waiters` and `awaited`: the same for tasks.
//! - `worker`: the thread's start and supervision; `turns`: its loop; `writer`: what it does in a turn, and what follows
//!   from each answer; `while_waiting`: what it does until there is one.
//! - `packer`: from chunks to payloads, and what becomes of them (`packer/delivery`); `outbox`: payloads that wait.
//! - `link`: the agent, as the worker deals with it; `pace`: how large a request may be; `backoff`: when to try again.
//! - `keep_rate`, `problem`, `sent`: the share of spans kept, and what is said when something goes wrong.
//! - `exit`: the end of the process.
//!
//! The rules here: an application's thread takes one lock of a shard and never waits, but in a flush or a shutdown with
//! its time. A span changes its account in the ledger under one lock, before or after what holds it moves; whoever adds
//! a way for spans to go adds it there, and a step to the test in `packer/tests`. Bytes of the room are given back once.
//! Locks are taken in the order ledger, shard. What threads hand over without a lock, or with several, has a model in
//! `models`. `tracer` relies on [`Plan`] and [`Pipeline`], and nothing else is seen from outside.

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
#[cfg(test)]
mod testkit;
mod turns;
mod waiters;
mod while_waiting;
mod worker;
mod writer;

pub(crate) use exit::{end_all, exit_timeout, set_exit_timeout};
pub(crate) use inner::{Plan, Settings};
pub(crate) use sink::Pipeline;
