//! Two threads that trace at once.

use crate::Result;
use crate::process::Start;
use crate::rounds::{Field, median};
use crate::run::Run;
use crate::table::Table;

pub(crate) fn section(run: &mut Run) -> Result<String> {
    let mut table = Table::new(
        "Two threads",
        "`hot`: how much more two threads get done than one, by the clock on the wall and by processor time. \
         2 is the best there is. The median of the rounds, in each of which both are done; by the wall it needs two \
         idle cores.",
        &run.peers,
    );
    let mut field = Field::start(&run.binaries, &run.peers, Start::default())?;
    let commands = ["threads 1 hot 20 100", "threads 2 hot 20 100"];
    let [one, two] = field.take_turns_with(commands, run.arguments.rounds)?;
    let mut walls = Vec::new();
    let mut cpus = Vec::new();
    for (one, two) in one.iter().zip(&two) {
        let mut wall = Vec::new();
        let mut cpu = Vec::new();
        for (one, two) in one.iter().zip(two) {
            wall.push(2.0 * one.get("wall")? / two.get("wall")?);
            // The two threads together did twice the work.
            cpu.push(4.0 * one.get("cpu")? / two.get("cpu")?);
        }
        walls.push(median(wall));
        cpus.push(median(cpu));
    }
    table.row("by the wall", 2, &walls);
    table.row("by processor time", 2, &cpus);
    table.record(&mut run.findings, "scaling", &walls);
    Ok(table.text())
}
