//! Spans that are sampled out: sent all the same, or counted and not sent.

use crate::Result;
use crate::process::Start;
use crate::rounds::{Field, fresh};
use crate::run::Run;
use crate::table::Table;

pub(crate) fn section(run: &mut Run) -> Result<String> {
    let peers = run.peers(|peer| peer.sends_unsampled);
    let mut table = Table::new(
        "Sampled out",
        "`hot` with `DD_TRACE_SAMPLE_RATE=0` and an agent that wants to count what is dropped. Peers without \
         that idea are left out.",
        &peers,
    );
    let environment = [("DD_TRACE_SAMPLE_RATE", "0")];
    let start = Start { environment: &environment, ..Start::default() };
    let mut field = Field::start(&run.binaries, &peers, start)?;
    let rounds = run.arguments.rounds;
    let values = field.medians("run hot 20 150", rounds, "cpu", 1500.0)?;
    table.ratios("application's thread, ns", 0, &values);
    table.record(&mut run.findings, "unsampled", &values);
    let made = (20 * 1500 * (rounds + 1)) as f64;
    let received = field.received()?;
    let percent: Vec<_> = received.iter().map(|spans| Some(100.0 * spans / made)).collect();
    table.row("percent sent", 1, &percent);
    Ok(table.text() + &counted(run)?)
}

/// The same with an agent that takes statistics.
fn counted(run: &mut Run) -> Result<String> {
    // The SDK's own samplers and exporters know nothing of that.
    let peers = run.peers(|peer| peer.sends_unsampled);
    let mut table = Table::new(
        "Sampled out, and not sent",
        "The same with an agent that takes statistics from the tracer (`client_drop_p0s`). For the whole process: `hot` \
         at 20,000 spans a second, in a new process, per span that was made.",
        &peers,
    );
    let environment =
        [("DD_TRACE_SAMPLE_RATE", "0"), ("DD_TRACE_STATS_COMPUTATION_ENABLED", "true")];
    let start = Start { environment: &environment, agent_takes_stats: true, ..Start::default() };
    let rounds = run.arguments.rounds;
    let mut field = Field::start(&run.binaries, &peers, start)?;
    let values = field.medians("run hot 20 150", rounds, "cpu", 1500.0)?;
    table.ratios("application's thread, ns", 0, &values);
    table.record(&mut run.findings, "dropped", &values);
    let made = (20 * 1500 * (rounds + 1)) as f64;
    let received = field.received()?;
    let percent: Vec<_> = received.iter().map(|spans| Some(100.0 * spans / made)).collect();
    table.row("percent sent", 1, &percent);
    drop(field);
    let command = format!("paced hot 20000 {}", run.arguments.length.as_millis());
    let long_rounds = run.arguments.long_rounds;
    let [process] = fresh(&run.binaries, &peers, start, long_rounds, |mut process| {
        process.ask("run hot 1 100")?;
        let load = process.demand(&command)?;
        Ok([Some(load.get("cpu")? / load.get("spans")?)])
    })?;
    table.ratios("whole process, ns for a span", 0, &process);
    table.record(&mut run.findings, "dropped-process", &process);
    Ok(table.text())
}
