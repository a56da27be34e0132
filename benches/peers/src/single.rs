//! One thread: the processor time of the application's own thread, and its allocations.

use crate::Result;
use crate::arguments::Arguments;
use crate::build::Binaries;
use crate::peers::Peer;
use crate::process::Start;
use crate::rounds::{Field, median};
use crate::table::Table;

/// A workload, its name in the table, what its numbers are divided by, and how many go into a sample.
const WORKLOADS: [(&str, &str, f64, usize); 5] = [
    ("hot", "`hot`, a span", 10.0, 200),
    ("root", "`root`, a span", 1.0, 1000),
    ("inject", "inject", 1.0, 2000),
    ("inject-map", "inject into a `HeaderMap`", 1.0, 2000),
    ("extract", "extract from a `HeaderMap`", 1.0, 2000),
];

pub(crate) fn section(
    arguments: &Arguments,
    peers: &[Peer],
    binaries: &Binaries,
) -> Result<String> {
    let mut time = Table::new(
        "Time of the application's thread",
        "Nanoseconds of processor time; in brackets the ratio to `datadog`. Median of the rounds; a round is \
         the median of 20 samples.",
        peers,
    );
    let mut field = Field::start(binaries, peers, Start::default())?;
    for (workload, name, divisor, times) in WORKLOADS {
        let answers = field.take_turns(&format!("run {workload} 20 {times}"), arguments.rounds)?;
        let values = answers
            .iter()
            .map(|answers| Ok(median(answers, "cpu")?.map(|cpu| cpu / divisor / times as f64)));
        time.row(name, 0, &values.collect::<Result<Vec<_>>>()?);
    }
    let mut allocations = Table::new("Allocations of the application's thread", "Exact.", peers);
    let mut field = Field::start(binaries, peers, Start { counting: true, ..Start::default() })?;
    for (workload, name, divisor, _) in WORKLOADS {
        let answers = field.take_turns(&format!("allocations {workload} 100"), 3)?;
        let values = answers
            .iter()
            .map(|answers| Ok(median(answers, "count")?.map(|count| count / divisor / 100.0)));
        allocations.row(name, 1, &values.collect::<Result<Vec<_>>>()?);
    }
    Ok(time.text() + &allocations.text())
}
