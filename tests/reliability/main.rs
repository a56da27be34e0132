//! The fault table: what becomes of every span when something goes wrong.
//!
//! Each row is a program (this file again, started with the row's name) beside an agent that behaves as the row
//! says. What the program made, what the agent has got and what the tracer counts as lost must come to the same,
//! exactly; no span may arrive twice but where the row says how many may; and no thread of the program may have
//! waited for any of it. `docs/reliability.md` has the same rows, and is compared with them.
//!
//! `cargo test --all-features --test reliability` prints the table; a part of a row's name, as an argument, picks rows.
//! `RELIABILITY_SOAK_SECONDS` makes the last row, a soak, longer.

#![cfg(feature = "agent")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    unreachable_pub
)]

#[cfg(not(unix))]
fn main() {
    println!("reliability: left out, its programs use signals, forks and limits of Unix");
}

#[cfg(unix)]
mod agents;
#[cfg(unix)]
mod callbacks;
#[cfg(unix)]
#[path = "../common/mod.rs"]
mod common;
#[cfg(unix)]
mod endings;
#[cfg(unix)]
mod forks;
#[cfg(unix)]
mod memory;
#[cfg(unix)]
mod meter;
#[cfg(unix)]
mod row;
#[cfg(unix)]
mod shortages;
#[cfg(unix)]
mod signals;
#[cfg(unix)]
mod table;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    let groups = [
        agents::ROWS,
        endings::ROWS,
        forks::ROWS,
        shortages::ROWS,
        memory::ROWS,
        callbacks::ROWS,
        signals::ROWS,
    ];
    table::main(&groups.concat())
}
