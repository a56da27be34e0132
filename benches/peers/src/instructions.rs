//! Instructions, as callgrind counts them: the one measure that a busy machine does not change.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::Result;
use crate::build::Binaries;
use crate::peers::Peer;
use crate::process::{Process, Start};
use crate::run::Run;
use crate::table::Table;

/// A workload, its name in the table, what its numbers are divided by, and how many go into a batch.
const WORKLOADS: [(&str, &str, f64, usize); 5] = [
    ("hot", "`hot`, a span", 10.0, 100),
    ("root", "`root`, a span", 1.0, 1000),
    ("inject", "inject", 1.0, 500),
    ("inject-map", "inject into a `HeaderMap`", 1.0, 500),
    ("extract", "extract from a `HeaderMap`", 1.0, 500),
];

/// Batches of the long run and of the short one: the difference is free of what the process does once.
const BATCHES: [usize; 2] = [11, 1];

/// Between a first batch and those that count: what a library does in its first moments is not what it does
/// later. Tracehound reads another clock after half a second.
const WARM_UP: Duration = Duration::from_millis(700);

pub(crate) fn section(run: &mut Run) -> Result<String> {
    let there = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        return Ok("\n## Instructions\n\nNot counted: valgrind is not installed.\n".to_owned());
    }
    let mut own =
        Table::new("Instructions of the application's thread", "Counted by callgrind.", &run.peers);
    let mut all = Table::new(
        "Instructions of the whole process",
        "Encoding and sending included. A thread that polls counts, too.",
        &run.peers,
    );
    for (workload, name, divisor, times) in WORKLOADS {
        let mut values: [Vec<Option<f64>>; 2] = Default::default();
        for peer in &run.peers {
            let long = count(&run.binaries, peer, workload, BATCHES[0], times)?;
            let short = count(&run.binaries, peer, workload, BATCHES[1], times)?;
            let goes = ((BATCHES[0] - BATCHES[1]) * times) as f64 * divisor;
            for (which, values) in values.iter_mut().enumerate() {
                values
                    .push(long.zip(short).map(|(long, short)| (long[which] - short[which]) / goes));
            }
        }
        own.ratios(name, 0, &values[0]);
        all.ratios(name, 0, &values[1]);
    }
    Ok(own.text() + &all.text())
}

/// Instructions of the application's thread, and of the process.
fn count(
    binaries: &Binaries,
    peer: &Peer,
    workload: &str,
    batches: usize,
    times: usize,
) -> Result<Option<[f64; 2]>> {
    let directory = std::env::temp_dir().join(format!("tracehound-peers-{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    let under = [
        "valgrind".to_owned(),
        "--tool=callgrind".to_owned(),
        "--separate-threads=yes".to_owned(),
        "--quiet".to_owned(),
        format!("--callgrind-out-file={}", directory.join("out").display()),
    ];
    let start = Start { under: &under, ..Start::default() };
    let mut process = Process::start(binaries, peer, start)?;
    process.ask(&format!("run {workload} 1 {times}"))?;
    thread::sleep(WARM_UP);
    process.ask("flush")?;
    let able = process.ask(&format!("run {workload} {batches} {times}"))?.is_some();
    process.end()?;
    let mut counted = [0.0; 2];
    for file in fs::read_dir(&directory)? {
        let path = file?.path();
        let text = fs::read_to_string(&path)?;
        // One file for each thread, and one that is empty.
        let Some(total) = text.lines().find_map(|line| line.strip_prefix("totals: ")) else {
            continue;
        };
        let total: f64 = total.trim().parse()?;
        counted[1] += total;
        // The first thread is the application's.
        if path.to_string_lossy().ends_with("-01") {
            counted[0] = total;
        }
    }
    fs::remove_dir_all(&directory)?;
    Ok(able.then_some(counted))
}
