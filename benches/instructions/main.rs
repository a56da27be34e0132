//! A gate: how many instructions a span costs the thread that makes it, as callgrind counts them.
//!
//! `cargo bench --bench instructions` fails where a case takes over 5 % more than was recorded. Unlike time, the
//! count hardly depends on what else the machine does; it does depend on the compiler and the platform, so
//! with others than those of the record nothing is compared. It needs valgrind, and says so where there is none.
//!
//! `-- hot` counts the cases with that in their name. `-- --record` prints what belongs into `recorded.rs`.
//! As part of `cargo test --benches` each case runs once and nothing is counted.

#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    missing_docs
)]

mod callgrind;
mod cases;
mod recorded;

use std::env;
use std::env::consts::{ARCH, OS};
use std::process::ExitCode;

use cases::{CASES, Case};
use recorded::RECORDED;

/// What a case may take more than was recorded, in per cent. Repeated, the figures are within 3.
const TOLERANCE: u64 = 5;

const RECORD: &str = "record the new figures: cargo bench --bench instructions -- --record";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match &*arguments.iter().map(String::as_str).collect::<Vec<_>>() {
        ["--work", name, times] => work(name, times),
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
fn work(name: &str, times: &str) -> Result<(), String> {
    let case = CASES.iter().find(|case| case.name == name).ok_or("there is no such case")?;
    (case.work)(times.parse().map_err(|error| format!("{times}: {error}"))?);
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
        let of_case = |case: &Case, error| format!("{}: {error}", case.name);
        if !self.is_counted {
            return self.cases.iter().try_for_each(|case| {
                callgrind::try_out(case).map_err(|error| of_case(case, error))
            });
        }
        if !callgrind::is_there() {
            println!(
                "instructions are not counted: there is no valgrind (Debian: apt-get install valgrind)"
            );
            return Ok(());
        }
        let mut found = Vec::new();
        for case in self.cases {
            let instructions =
                callgrind::instructions(case).map_err(|error| of_case(case, error))?;
            found.push((case.name, instructions));
        }
        if self.is_to_record {
            print_record(&found);
            return Ok(());
        }
        compare(&found)
    }
}

/// The compiler and the platform of this program.
fn built_with() -> (&'static str, String) {
    (option_env!("TRACEHOUND_RUSTC_VERSION").unwrap_or("unknown"), format!("{ARCH}-{OS}"))
}

fn print_record(found: &[(&str, u64)]) {
    let (compiler, platform) = built_with();
    println!("pub(crate) const RECORDED: (&str, &str, &[(&str, u64)]) = (");
    println!("    {compiler:?},\n    {platform:?},\n    &[");
    for (name, instructions) in found {
        println!("        ({name:?}, {instructions}),");
    }
    println!("    ],\n);");
}

/// Prints the table, and is an error where a case takes too many.
fn compare(found: &[(&str, u64)]) -> Result<(), String> {
    let (compiler, platform, figures) = RECORDED;
    let (compiler_here, platform_here) = built_with();
    println!("{:<30}{:>10}{:>10}{:>12}", "instructions", "recorded", "found", "difference");
    let (mut above, mut below) = (Vec::new(), Vec::new());
    for &(name, found) in found {
        let recorded = figures.iter().find(|(other, _)| *other == name).map(|(_, figure)| *figure);
        let Some(recorded) = recorded else {
            println!("{name:<30}{:>10}{found:>10}", "none");
            above.push(name);
            continue;
        };
        let difference = (found as f64 / recorded as f64 - 1.0) * 100.0;
        println!("{name:<30}{recorded:>10}{found:>10}{difference:>+10.1} %");
        if found * 100 > recorded * (100 + TOLERANCE) {
            above.push(name);
        } else if found * 100 < recorded * (100 - TOLERANCE) {
            below.push(name);
        }
    }
    if (compiler, platform) != (compiler_here, platform_here.as_str()) || cfg!(debug_assertions) {
        println!(
            "NOT COMPARED: recorded with rustc {compiler} for {platform}, optimised; \
             this is rustc {compiler_here} for {platform_here}{}",
            if cfg!(debug_assertions) { ", not optimised" } else { "" }
        );
        return Ok(());
    }
    if !below.is_empty() {
        println!("over {TOLERANCE} % less: {}. So that they stay so: {RECORD}", below.join(", "));
    }
    if above.is_empty() {
        return Ok(());
    }
    Err(format!(
        "over {TOLERANCE} % more, or not recorded: {}. If the change is worth it: {RECORD}",
        above.join(", ")
    ))
}
