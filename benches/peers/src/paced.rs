//! A steady load, as a service makes it; and a burst, at whose end the program ends.

use crate::Result;
use crate::peers::{FORMATS, Peer};
use crate::process::{Process, Start};
use crate::rounds::fresh;
use crate::run::Run;
use crate::table::Table;

const RATE: usize = 20_000;

pub(crate) fn section(run: &mut Run) -> Result<String> {
    let milliseconds = run.arguments.length.as_millis();
    let rounds = run.arguments.long_rounds;
    let mut text = String::new();
    for (workload, what, cpu_name) in
        [("hot", "spans", "paced"), ("root", "traces of one span", "paced-root")]
    {
        let mut table = Table::new(
            &format!("20,000 {what} a second"),
            &format!(
                "`{workload}` for {:.1} s in a new process, everything sent within the time; median of \
                 {rounds} rounds. Bytes are those of requests with traces, heads included.",
                run.arguments.length.as_secs_f64()
            ),
            &run.peers,
        );
        let command = format!("paced {workload} {RATE} {milliseconds}");
        let [cpu, own, bytes, peak, percent, stall] =
            fresh(&run.binaries, &run.peers, Start::default(), rounds, |process| {
                steady(process, &command)
            })?;
        table.ratios("whole process, ns for a delivered span", 0, &cpu);
        table.ratios("application's thread, ns for a span", 0, &own);
        table.ratios("bytes for a delivered span", 0, &bytes);
        table.ratios("peak memory, MiB", 1, &peak);
        table.row("percent delivered", 1, &percent);
        table.row("longest trace, µs", 0, &stall);
        table.record(&mut run.findings, cpu_name, &cpu);
        if workload == "hot" {
            table.record(&mut run.findings, "bytes", &bytes);
            table.record(&mut run.findings, "peak", &peak);
        }
        text += &table.text();
    }
    Ok(text + &formats(run)? + &bursts(run)?)
}

/// The same load in each format.
fn formats(run: &mut Run) -> Result<String> {
    let milliseconds = run.arguments.length.as_millis();
    let rounds = run.arguments.long_rounds;
    // Only the programs of those who were chosen are there.
    let is_built = |peer: &Peer| run.peers.iter().any(|other| other.program == peer.program);
    let peers: Vec<Peer> = FORMATS.into_iter().filter(is_built).collect();
    let mut table = Table::new(
        "20,000 spans a second, by format",
        &format!(
            "`hot` by Tracehound in each of Datadog's formats (`DD_TRACE_API_VERSION`), as above; median of \
             {rounds} rounds."
        ),
        &peers,
    );
    let command = format!("paced hot {RATE} {milliseconds}");
    let [cpu, _, bytes, _, percent, _] =
        fresh(&run.binaries, &peers, Start::default(), rounds, |process| {
            steady(process, &command)
        })?;
    table.ratios("whole process, ns for a delivered span", 0, &cpu);
    table.ratios("bytes for a delivered span", 0, &bytes);
    table.row("percent delivered", 1, &percent);
    table.record(&mut run.findings, "bytes-by", &bytes);
    Ok(table.text())
}

fn steady(mut process: Process, command: &str) -> Result<[Option<f64>; 6]> {
    process.ask("run hot 1 100")?;
    let before = process.agent.counts()?;
    let load = process.demand(command)?;
    let after = process.agent.counts()?;
    let memory = process.demand("memory")?;
    let received = after.get("spans")? - before.get("spans")?;
    let bytes = after.get("bytes")? - before.get("bytes")?;
    let made = load.get("spans")?;
    let for_each = |total: f64| (received > 0.0).then_some(total / received);
    Ok([
        for_each(load.get("cpu")?),
        Some(load.get("application_cpu")? / made),
        for_each(bytes),
        Some(memory.get("peak")? / 1024.0),
        Some(100.0 * received / made),
        Some(load.get("stall")? / 1000.0),
    ])
}

fn bursts(run: &mut Run) -> Result<String> {
    let rounds = run.arguments.rounds.min(5);
    let mut table = Table::new(
        "A burst, and the end",
        &format!(
            "1,000 traces of `hot` as fast as they come, in a new process, and then its end, with up to 10 s \
             for what is left; median of {rounds} rounds."
        ),
        &run.peers,
    );
    let [percent, shutdown, burst] =
        fresh(&run.binaries, &run.peers, Start::default(), rounds, |mut process| {
            let burst = process.demand("burst hot 1000")?;
            let shutdown = process.demand("shutdown 10000")?;
            let received = process.agent.counts()?.get("spans")?;
            Ok([
                Some(100.0 * received / burst.get("spans")?),
                Some(shutdown.get("wall")? / 1e6),
                Some(burst.get("wall")? / 1e6),
            ])
        })?;
    table.row("percent delivered", 1, &percent);
    table.ratios("shutdown, ms", 2, &shutdown);
    table.ratios("the burst itself, ms", 2, &burst);
    table.record(&mut run.findings, "burst", &percent);
    table.record(&mut run.findings, "shutdown", &shutdown);
    Ok(table.text())
}
