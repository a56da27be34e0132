//! Turns.

use crate::Result;
use crate::build::Binaries;
use crate::peers::Peer;
use crate::process::{Answer, Process, Start};

/// Peers that run at the same time, and of which one at a time works.
pub(crate) struct Field(Vec<Process>);

impl Field {
    pub(crate) fn start(binaries: &Binaries, peers: &[Peer], start: Start<'_>) -> Result<Field> {
        let processes = peers.iter().map(|peer| Process::start(binaries, peer, start));
        processes.collect::<Result<_>>().map(Field)
    }

    /// Lets each peer do `command` in each of `rounds` rounds, after one that does not count. The answers are
    /// in the order of the peers; there are none where a peer is not able to do it.
    pub(crate) fn take_turns(&mut self, command: &str, rounds: usize) -> Result<Vec<Vec<Answer>>> {
        let mut able = Vec::new();
        for process in &mut self.0 {
            able.push(process.ask(command)?.is_some());
        }
        let mut answers = vec![Vec::new(); self.0.len()];
        for _ in 0..rounds {
            for ((process, answers), _) in
                self.0.iter_mut().zip(&mut answers).zip(&able).filter(|(_, able)| **able)
            {
                answers.extend(process.ask(command)?);
            }
        }
        Ok(answers)
    }

    /// The median of what each peer says about `name` in its turns, divided by `divisor`.
    pub(crate) fn medians(
        &mut self,
        command: &str,
        rounds: usize,
        name: &str,
        divisor: f64,
    ) -> Result<Vec<Option<f64>>> {
        let answers = self.take_turns(command, rounds)?;
        answers.iter().map(|answers| Ok(of(answers, name)?.map(|value| value / divisor))).collect()
    }

    /// Spans that each peer's agent has received.
    pub(crate) fn received(&self) -> Result<Vec<f64>> {
        self.0.iter().map(|process| process.agent.counts()?.get("spans")).collect()
    }
}

/// The median of what the answers say about `name`; `None` where there is no answer.
pub(crate) fn of(answers: &[Answer], name: &str) -> Result<Option<f64>> {
    Ok(median(answers.iter().map(|answer| answer.get(name)).collect::<Result<_>>()?))
}

/// `None` where there is no value.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Lets each peer do `work` in a new process in each of `rounds` rounds. The result has a row for each of the
/// values, with the median for each peer.
pub(crate) fn fresh<const N: usize>(
    binaries: &Binaries,
    peers: &[Peer],
    start: Start<'_>,
    rounds: usize,
    work: impl Fn(Process) -> Result<[Option<f64>; N]>,
) -> Result<[Vec<Option<f64>>; N]> {
    let mut values = vec![[const { Vec::new() }; N]; peers.len()];
    for _ in 0..rounds {
        for (peer, values) in peers.iter().zip(&mut values) {
            let found = work(Process::start(binaries, peer, start)?)?;
            for (values, found) in values.iter_mut().zip(found) {
                values.extend(found);
            }
        }
    }
    let mut rows = [const { Vec::new() }; N];
    for values in values {
        for (row, values) in rows.iter_mut().zip(values) {
            row.push(median(values));
        }
    }
    Ok(rows)
}
