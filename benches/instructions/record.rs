//! The figures beside those recorded.

use std::env::consts::{ARCH, OS};
use std::fs;

use crate::recorded::RECORDED;

/// What a case may take more than was recorded, in per cent. Repeated, a figure does not move; with another
/// processor or C library it may.
const TOLERANCE: u64 = 5;

/// What may not take more than something else in the same run, whatever was recorded.
const NO_MORE: [(&str, &str); 1] = [("native: #[wrap]", "native: in_span")];

const AGAIN: &str = "record the new figures: cargo bench --bench instructions -- --record";

/// Figures, and what they depend on beside the code.
pub(crate) struct Record {
    /// As [`with`] has it.
    pub(crate) with: &'static str,
    /// The instructions of each case.
    pub(crate) figures: &'static [(&'static str, u64)],
}

impl Record {
    fn of(&self, name: &str) -> Option<u64> {
        self.figures.iter().find(|(other, _)| *other == name).map(|(_, figure)| *figure)
    }
}

/// What a case may take; none where it cannot be compared.
pub(crate) fn limit(name: &str) -> Option<u64> {
    let figure = RECORDED.of(name).filter(|_| with() == RECORDED.with);
    figure.map(|figure| figure * (100 + TOLERANCE) / 100)
}

/// The compiler, the platform and the clock of this program.
fn with() -> String {
    let compiler = option_env!("TRACEHOUND_RUSTC_VERSION").unwrap_or("unknown");
    let profile = if cfg!(debug_assertions) { "not optimised" } else { "optimised" };
    format!("rustc {compiler}, {profile}, {ARCH}-{OS}, clock source {}", clock_source())
}

/// What the kernel's clocks read: the tracer reads the processor's counter only where they do.
fn clock_source() -> String {
    let name =
        fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    name.map_or_else(|_| "unknown".to_owned(), |name| name.trim().to_owned())
}

/// As Rust, for `recorded.rs`.
pub(crate) fn print(found: &[(&str, u64)]) {
    println!("pub(crate) const RECORDED: Record = Record {{");
    println!("    with: {:?},\n    figures: &[", with());
    for (name, instructions) in found {
        println!("        ({name:?}, {instructions}),");
    }
    println!("    ],\n}};");
}

/// Prints the table, and is an error where a case takes too many.
pub(crate) fn compare(found: &[(&str, u64)]) -> Result<(), String> {
    println!("{:<30}{:>10}{:>10}{:>12}", "instructions", "recorded", "found", "difference");
    let (mut above, mut below) = (Vec::new(), Vec::new());
    for &(name, found) in found {
        let Some(recorded) = RECORDED.of(name) else {
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
    let of = |name: &str| found.iter().find(|(other, _)| *other == name).map(|(_, figure)| *figure);
    if let Some((more, least)) =
        NO_MORE.into_iter().find(|(one, other)| of(one) > of(other).or(of(one)))
    {
        return Err(format!("{more} takes more than {least}"));
    }
    let with = with();
    if with != RECORDED.with {
        println!("NOT COMPARED: recorded with {}; this is {with}", RECORDED.with);
        return Ok(());
    }
    if !below.is_empty() {
        println!("over {TOLERANCE} % less: {}. So that they stay so: {AGAIN}", below.join(", "));
    }
    if above.is_empty() {
        return Ok(());
    }
    Err(format!(
        "over {TOLERANCE} % more, or not recorded: {}. If the change is worth it: {AGAIN}",
        above.join(", ")
    ))
}
