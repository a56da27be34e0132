//! Runs the rows, prints them, and compares them with the documentation.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tracehound_test_support::within;

use crate::common::programs;
use crate::row::{Outcome, Row};

/// No row takes longer.
const LIMIT: Duration = Duration::from_secs(120);
/// Most rows wait for a fault to pass: so many of them at a time.
const AT_A_TIME: usize = 3;

pub fn main(rows: &[Row]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name] = arguments.as_slice() {
        if flag == "--program" {
            let row = rows.iter().find(|row| row.fault == name).unwrap();
            (row.program)();
            return ExitCode::SUCCESS;
        }
    }
    if arguments.iter().any(|argument| argument == "--list") {
        rows.iter().for_each(|row| println!("{}: test", row.fault));
        return ExitCode::SUCCESS;
    }
    let filters: Vec<&String> = arguments.iter().filter(|one| !one.starts_with('-')).collect();
    let is_wanted = |row: &&Row| {
        filters.is_empty() || filters.iter().any(|filter| row.fault.contains(filter.as_str()))
    };
    let wanted: Vec<&Row> = rows.iter().filter(is_wanted).collect();
    let mut failed = run(&wanted);
    if filters.is_empty() && !is_documented(rows) {
        failed += 1;
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

/// Runs the rows, a few at a time, and prints them in their order; says how many are not as expected.
fn run(rows: &[&Row]) -> usize {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(row) = rows.get(place) else { return };
                    let outcome = one(row);
                    done.lock().unwrap().insert(place, outcome);
                }
            });
        }
    });
    println!("\n| fault | made | delivered | lost | twice | longest wait | took |");
    println!("| --- | ---: | ---: | --- | ---: | ---: | ---: |");
    let mut failed = 0;
    let done = done.into_inner().unwrap();
    for (row, (outcome, took)) in rows.iter().zip(done.values()) {
        println!("{}", line(row, outcome, *took));
        failed += usize::from(!outcome.wrong.is_empty());
    }
    for (row, (outcome, _)) in rows.iter().zip(done.values()) {
        for wrong in &outcome.wrong {
            println!("WRONG {}: {wrong}", row.fault);
        }
    }
    println!("\n{} rows, {failed} not as expected", rows.len());
    failed
}

/// Runs one row.
fn one(row: &Row) -> (Outcome, Duration) {
    let row = *row;
    let start = Instant::now();
    let work = move || {
        let agent = (row.agent)();
        let url = agent.url();
        let mut settings = vec![("DD_TRACE_AGENT_URL", url.as_str())];
        settings.extend(row.settings);
        let mut running = programs::start(row.fault, &settings);
        (row.meanwhile)(&agent, &mut running);
        let ended = running.wait(LIMIT);
        Outcome::of(&row, &ended, &agent)
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| within(LIMIT, work))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        Outcome {
            made: 0,
            delivered: 0,
            twice: 0,
            lost: BTreeMap::new(),
            longest: Duration::ZERO,
            wrong: vec![format!("it did not come to an end: {text}")],
        }
    });
    (outcome, start.elapsed())
}

fn line(row: &Row, outcome: &Outcome, took: Duration) -> String {
    let Outcome { made, delivered, twice, lost, longest, wrong } = outcome;
    let mut reasons = String::new();
    for (reason, spans) in lost {
        let separator = if reasons.is_empty() { "" } else { ", " };
        let _ = write!(reasons, "{separator}{spans} {reason}");
    }
    let reasons = if reasons.is_empty() { "0" } else { reasons.as_str() };
    let mark = if wrong.is_empty() { "" } else { " WRONG" };
    let longest = longest.as_secs_f64() * 1e3;
    format!(
        "| {}{mark} | {made} | {delivered} | {reasons} | {twice} | {longest:.1} ms | {:.1} s |",
        row.fault,
        took.as_secs_f64()
    )
}

/// What the documentation says of the rows.
fn promises(rows: &[Row]) -> String {
    let mut text = "| when | then |\n| --- | --- |\n".to_owned();
    for row in rows {
        let _ = writeln!(text, "| {} | {} |", row.fault, row.promise);
    }
    text
}

fn is_documented(rows: &[Row]) -> bool {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reliability.md");
    let promises = promises(rows);
    let is_there = std::fs::read_to_string(path).is_ok_and(|text| text.contains(&promises));
    if !is_there {
        println!("WRONG docs/reliability.md has other rows; these are they:\n\n{promises}");
    }
    is_there
}
