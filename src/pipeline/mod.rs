//! Delivery: takes finished chunks from the application's threads and sends them to the agent. In between are a bounded
//! queue and one background thread, the worker. Everything slow happens on the worker.
//!
//! A chunk goes through these files, from the top to the bottom:
//!
//! - `sink`: the pipeline as traces and the tracer see it: submit, flush, shutdown. There is one for each process.
//!   `synchronous`: the same where whoever submits waits for the delivery.
//! - `inner`: the state that the application's threads and the worker share.
//! - `queue`: the bounded queue, in shards. `room`: the byte budget for everything that waits. `pool`: emptied vectors
//!   on their way back to new traces.
//! - `ledger`: the account of every accepted span, so that each is counted once: as delivered, or as lost.
//! - `signal`: wakes the worker, and lets threads wait for it. `flush_future` and `waiting_tasks`: the same for tasks.
//! - `worker`: starts the thread, and restarts its loop after a panic. `turns`: the loop. `writer`: one turn of it, and
//!   what follows from each answer of the agent. `during_request`: work done while an answer is awaited.
//! - `packer`: encodes chunks as payloads. `packer/selection`: what of a chunk is sent. `packer/delivery`: what happens
//!   to a payload after each outcome. `outbox`: payloads that wait to be sent.
//! - `statistics`: counts chunks before any part of them is dropped. `writer/statistics`: sends them. `dropped`: what the
//!   agent is told about what was dropped.
//! - `destination`: where finished traces go. `direct`: a turn of the worker where nothing is encoded: into memory, or
//!   nowhere. `recipient`: who gets payloads, the agent, a collector or a stream; `stream`: the last of these.
//! - `link`: what is known about the agent, and the requests to it. `negotiation`: which format it gets. `request_size`:
//!   how large a request may be.
//!   `backoff`: when to try again.
//! - `counts`: what was sent, for whoever asks.
//! - `keep_rate`: the share of spans that were not dropped. `problem`, `request_log`: the lines about requests.
//! - `long_running`: spans that stay open for long.
//! - `exit`: the end of the process.
//!
//! The rules here:
//!
//! - An application's thread takes the lock of one shard and never waits, except in a flush or a shutdown, which have a
//!   timeout.
//! - A span moves between the accounts of the ledger under one lock. Whoever adds a way for spans to leave the pipeline
//!   adds it to the ledger, and a step to the test in `packer/tests`.
//! - Bytes claimed from the room are released exactly once.
//! - Locks are taken in this order: ledger, then shard.
//! - Whatever threads hand over without a lock, or with several locks, has a loom model in `models`.
//!
//! `tracer` uses [`Plan`] and [`Pipeline`]; nothing else is visible outside.

mod backoff;
mod counts;
mod destination;
mod direct;
mod dropped;
mod during_request;
mod exit;
mod flush_future;
mod inner;
mod keep_rate;
mod ledger;
mod link;
mod long_running;
#[cfg(all(test, tracehound_model))]
mod models;
mod negotiation;
mod outbox;
mod packer;
mod pool;
mod problem;
mod queue;
mod recipient;
mod request_log;
mod request_size;
mod resources;
mod room;
mod signal;
mod sink;
#[cfg_attr(not(feature = "client-stats"), path = "statistics_none.rs")]
mod statistics;
mod stream;
mod synchronous;
#[cfg(test)]
mod testkit;
mod turns;
mod waiting_tasks;
mod worker;
mod writer;

pub(crate) use destination::Destination;
pub(crate) use exit::{end_all, exit_timeout, set_exit_timeout};
pub(crate) use inner::{Plan, Settings};
pub(crate) use long_running::Schedule;
pub(crate) use sink::Pipeline;
pub(crate) use stream::Stream;
pub(crate) use synchronous::Synchronous;
