//! Spans on one thread: the time of the application's own thread, and its allocations.

use crate::Result;
use crate::process::Start;
use crate::rounds::Field;
use crate::run::Run;
use crate::table::Table;

/// A workload, its name in the table, its spans, and how many of it go into a sample: not as many as would
/// wake anybody's sender meanwhile.
const WORKLOADS: [(&str, &str, f64, usize); 2] =
    [("hot", "`hot`", 10.0, 150), ("root", "`root`", 1.0, 1000)];

const SAMPLES: usize = 20;

pub(crate) fn section(run: &mut Run) -> Result<String> {
    let rounds = run.arguments.rounds;
    let mut time = Table::new(
        "A span, on the application's thread",
        "Nanoseconds of processor time for a span; in brackets the ratio to `datadog`. Median of the rounds; \
         a round is the median of 20 samples, between which everything is sent. Then what the agent received \
         of what was made.",
        &run.peers,
    );
    let mut field = Field::start(&run.binaries, &run.peers, Start::default())?;
    for (workload, name, spans, times) in WORKLOADS {
        let before = field.received()?;
        let command = format!("run {workload} {SAMPLES} {times}");
        let values = field.medians(&command, rounds, "cpu", spans * times as f64)?;
        time.ratios(&format!("{name}, ns"), 0, &values);
        time.record(&mut run.findings, workload, &values);
        // The first round, which does not count, is sent, too.
        let made = spans * (times * SAMPLES * (rounds + 1)) as f64;
        let after = field.received()?;
        let delivered = before.iter().zip(after).map(|(before, after)| after - before);
        let percent: Vec<_> = delivered.map(|spans| Some(100.0 * spans / made)).collect();
        time.row(&format!("{name}, percent delivered"), 1, &percent);
    }
    let mut allocations = Table::new(
        "Allocations for a span, on the application's thread",
        "Counted exactly, by an allocator that only these programs have.",
        &run.peers,
    );
    let counting = Start { counting: true, ..Start::default() };
    let mut field = Field::start(&run.binaries, &run.peers, counting)?;
    for (workload, name, spans, _) in WORKLOADS {
        let command = format!("allocations {workload} 100");
        let values = field.medians(&command, 3, "count", spans * 100.0)?;
        allocations.ratios(name, 1, &values);
    }
    Ok(time.text() + &allocations.text())
}
