//! An agent that takes its time, and one that never answers.

use crate::Result;
use crate::peers::FLOOR;
use crate::process::Start;
use crate::rounds::fresh;
use crate::run::Run;
use crate::table::Table;

const CASES: [(&str, u64, &str, &str); 2] = [
    ("An agent that answers after five seconds", 5, "slow-memory", "slow-stall"),
    ("An agent that does not answer", 100_000, "silent-memory", "silent-stall"),
];

pub(crate) fn section(run: &mut Run) -> Result<String> {
    let peers = run.peers(|peer| peer.is_first || peer.name == FLOOR);
    let length = 3 * run.arguments.length;
    let mut text = String::new();
    for (title, agent_delay, memory_name, stall_name) in CASES {
        let mut table = Table::new(
            title,
            &format!(
                "`hot` at 20,000 spans a second for {:.0} s in a new process, then its end, with up to 5 s for \
                 what is left. Missing is what the agent never saw; lost is what the library says it lost, \
                 which may be more, because an agent that saw a payload need not have taken it. The longest \
                 trace of `floor` is what the machine adds.",
                length.as_secs_f64()
            ),
            &peers,
        );
        let command = format!("flood hot 20000 {}", length.as_millis());
        let start = Start { agent_delay, ..Start::default() };
        let [memory, stall, own, made, missing, lost, shutdown] =
            fresh(&run.binaries, &peers, start, 1, |mut process| {
                let before = process.demand("memory")?;
                let flood = process.demand(&command)?;
                let shutdown = process.demand("shutdown 5000")?;
                let after = process.demand("memory")?;
                let lost = process.ask("lost")?.map(|lost| lost.get("spans")).transpose()?;
                let seen = process.agent.counts()?.get("distinct")?;
                let made = flood.get("spans")?;
                Ok([
                    Some((after.get("peak")? - before.get("now")?) / 1024.0),
                    Some(flood.get("stall")? / 1e6),
                    Some(flood.get("application_cpu")? / made),
                    Some(made),
                    Some(made - seen),
                    lost,
                    Some(shutdown.get("wall")? / 1e6),
                ])
            })?;
        table.row("peak memory above the start, MiB", 1, &memory);
        table.row("longest trace, ms", 2, &stall);
        table.row("application's thread, ns for a span", 0, &own);
        table.row("spans made", 0, &made);
        table.row("spans missing", 0, &missing);
        table.row("spans lost, says the library", 0, &lost);
        table.row("shutdown, ms", 0, &shutdown);
        table.record(&mut run.findings, memory_name, &memory);
        table.record(&mut run.findings, stall_name, &stall);
        text += &table.text();
    }
    Ok(text)
}
