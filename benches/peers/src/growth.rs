//! What happens to the cost of a span where there is more of everything.

use crate::Result;
use crate::peers::BASE;
use crate::process::Start;
use crate::rounds::Field;
use crate::run::Run;
use crate::table::Table;

pub(crate) fn section(run: &mut Run) -> Result<String> {
    let peers = run.peers(|peer| ["native", "otel", BASE].contains(&peer.name));
    let rounds = run.arguments.rounds.min(5);
    let mut field = Field::start(&run.binaries, &peers, Start::default())?;

    let mut spans = Table::new(
        "More spans in a trace",
        "Nanoseconds of the application's thread for a span without tags.",
        &peers,
    );
    for length in [1, 10, 100, 1_000, 10_000] {
        let times = (1_000 / length).max(1);
        let command = format!("run {length}x0 11 {times}");
        let values = field.medians(&command, rounds, "cpu", (length * times) as f64)?;
        spans.ratios(&length.to_string(), 0, &values);
    }

    let mut tags = Table::new(
        "More tags on a span",
        "Nanoseconds of the application's thread for a span of a trace of ten.",
        &peers,
    );
    for count in [0, 1, 2, 5, 10, 20, 50, 100] {
        let times = if count > 20 { 10 } else { 100 };
        let command = format!("run 10x{count} 11 {times}");
        let values = field.medians(&command, rounds, "cpu", (10 * times) as f64)?;
        tags.ratios(&count.to_string(), 0, &values);
    }

    let mut threads = Table::new(
        "More threads",
        "Nanoseconds of processor time of all application threads for a span of `hot`, all threads at once.",
        &peers,
    );
    for count in [1, 2, 4, 8, 16, 32, 64] {
        let times = (200 / count).max(10);
        let command = format!("threads {count} hot 11 {times}");
        let values = field.medians(&command, rounds, "cpu", (10 * count * times) as f64)?;
        threads.ratios(&count.to_string(), 0, &values);
    }

    let mut open = Table::new(
        "More open traces",
        "Nanoseconds of the application's thread for a span of `hot`, while so many other traces are open.",
        &peers,
    );
    let mut so_far = 0;
    for count in [0, 1_000, 100_000] {
        // The first round, which does not count, opens them.
        field.take_turns(&format!("open {}", count - so_far), 0)?;
        so_far = count;
        let values = field.medians("run hot 11 100", rounds, "cpu", 1000.0)?;
        open.ratios(&crate::table::number(count as f64, 0), 0, &values);
    }
    Ok(spans.text() + &tags.text() + &threads.text() + &open.text())
}
