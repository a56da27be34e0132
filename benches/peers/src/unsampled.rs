//! Spans that are sampled out, and sent all the same.

use crate::Result;
use crate::process::Start;
use crate::rounds::Field;
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
    Ok(table.text())
}
