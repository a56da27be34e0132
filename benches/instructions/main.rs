//! A gate: how many instructions a span costs the thread that makes it, and the worker that encodes it, as callgrind
//! counts them.
//!
//! `cargo bench --bench instructions` fails where a case takes over 5 % more than was recorded, three times in a row.
//! Unlike time, the count does not depend on what else the machine does; it does depend on the compiler, the platform
//! and the clock that the tracer reads, so with others than those of the record nothing is compared. It needs
//! valgrind, and says so where there is none.
//!
//! `-- hot` counts the cases with that in their name. `-- --record` prints what belongs into `recorded.rs`.
//! As part of `cargo test --benches` each case runs once and nothing is counted.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    missing_docs
)]

mod batches;
mod callgrind;
mod cases;
mod record;
mod recorded;

use std::env;
use std::process::ExitCode;
use std::thread;

use batches::Batches;
use cases::{CASES, Case};

/// How often a case is counted before it is too expensive.
const TRIES: usize = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match &*arguments.iter().map(String::as_str).collect::<Vec<_>>() {
        ["--work", name, counted] => work(name, counted),
        arguments => Run::new(arguments).and_then(|run| run.go()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What is counted: this program again, with one case.
fn work(name: &str, counted: &str) -> Result<(), String> {
    let case = CASES.iter().find(|case| case.name == name).ok_or("there is no such case")?;
    let counted = counted.parse().map_err(|error| format!("{counted}: {error}"))?;
    (case.work)(Batches { pieces: case.pieces, counted });
    Ok(())
}

/// What was asked for.
struct Run {
    cases: Vec<&'static Case>,
    /// By `cargo bench`, and not to see that it works.
    is_counted: bool,
    is_to_record: bool,
}

impl Run {
    fn new(arguments: &[&str]) -> Result<Self, String> {
        let (options, filters): (Vec<&str>, Vec<&str>) =
            arguments.iter().partition(|argument| argument.starts_with('-'));
        let is_counted = options.contains(&"--bench") && !options.contains(&"--test");
        let unknown = options.iter().find(|option| !["--bench", "--record"].contains(option));
        // The options of a test harness are for the tests that have one.
        if let Some(unknown) = unknown.filter(|_| is_counted) {
            return Err(format!("{unknown} is not an option; there is --record"));
        }
        let is_to_record = options.contains(&"--record");
        if is_to_record && !filters.is_empty() {
            return Err("a record is of all cases".to_owned());
        }
        let is_wanted = |case: &&Case| {
            filters.is_empty() || filters.iter().any(|filter| case.name.contains(filter))
        };
        Ok(Self { cases: CASES.iter().filter(is_wanted).collect(), is_counted, is_to_record })
    }

    fn go(self) -> Result<(), String> {
        if !self.is_counted {
            return self.cases.iter().try_for_each(|case| callgrind::try_out(case));
        }
        if !callgrind::is_there() {
            println!(
                "instructions are not counted: there is no valgrind (Debian: apt-get install valgrind)"
            );
            return Ok(());
        }
        if self.is_to_record {
            record::print(&self.count(|_| None)?);
            return Ok(());
        }
        record::compare(&self.count(record::limit)?)
    }

    /// Two cases at a time: under valgrind only one thread of a process runs.
    fn count(&self, limit: fn(&str) -> Option<u64>) -> Result<Vec<(&'static str, u64)>, String> {
        let mut found = Vec::new();
        for pair in self.cases.chunks(2) {
            let counted: Vec<_> = thread::scope(|scope| {
                let count = |case: &&'static Case| {
                    let case = *case;
                    scope.spawn(move || lowest(case, limit(case.name)))
                };
                let threads: Vec<_> = pair.iter().map(count).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            for (case, instructions) in pair.iter().zip(counted) {
                found.push((case.name, instructions?));
            }
        }
        Ok(found)
    }
}

/// Counts again while it is above the limit: what only happens now and then is no regression.
fn lowest(case: &Case, limit: Option<u64>) -> Result<u64, String> {
    let mut lowest = callgrind::instructions(case)?;
    for _ in 1..TRIES {
        if limit.is_none_or(|limit| lowest <= limit) {
            break;
        }
        println!("{}: {lowest}; counted again", case.name);
        lowest = lowest.min(callgrind::instructions(case)?);
    }
    Ok(lowest)
}
