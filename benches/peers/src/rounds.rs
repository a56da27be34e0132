//! Turns.

use crate::Result;
use crate::answer::Answer;
use crate::build::Binaries;
use crate::peers::{BASE, Peer};
use crate::process::{Process, Start};

/// Peers that run at the same time, and of which one at a time works.
pub(crate) struct Field {
    processes: Vec<Process>,
    /// Which of them the others are compared with, if it is here.
    base: Option<usize>,
}

impl Field {
    pub(crate) fn start(binaries: &Binaries, peers: &[Peer], start: Start<'_>) -> Result<Field> {
        let processes = peers.iter().map(|peer| Process::start(binaries, peer, start));
        let base = peers.iter().position(|peer| peer.name == BASE);
        Ok(Field { processes: processes.collect::<Result<_>>()?, base })
    }

    /// Lets each peer do `command` in each of `rounds` rounds, after one that does not count. The answers are
    /// in the order of the peers; there are none where a peer is not able to do it.
    pub(crate) fn take_turns(&mut self, command: &str, rounds: usize) -> Result<Vec<Vec<Answer>>> {
        let [answers] = self.take_turns_with([command], rounds)?;
        Ok(answers)
    }

    /// The same with several commands, which a peer does one after the other in its turn.
    pub(crate) fn take_turns_with<const N: usize>(
        &mut self,
        commands: [&str; N],
        rounds: usize,
    ) -> Result<[Vec<Vec<Answer>>; N]> {
        let mut able = Vec::new();
        for process in &mut self.processes {
            let mut is_able = true;
            for command in commands {
                is_able &= process.ask(command)?.is_some();
            }
            able.push(is_able);
        }
        let mut answers = [(); N].map(|()| vec![Vec::new(); self.processes.len()]);
        for _ in 0..rounds {
            for (at, process) in self.processes.iter_mut().enumerate().filter(|(at, _)| able[*at]) {
                for (command, answers) in commands.iter().zip(&mut answers) {
                    answers[at].extend(process.ask(command)?);
                }
            }
        }
        Ok(answers)
    }

    /// What each peer says about `name` in its turns, divided by `divisor`: the median over the rounds of its
    /// ratio to [`BASE`] in the same round, times the median of that one. So a machine that is slower in some
    /// rounds than in others changes no ratio. Without that peer it is the median alone.
    pub(crate) fn medians(
        &mut self,
        command: &str,
        rounds: usize,
        name: &str,
        divisor: f64,
    ) -> Result<Vec<Option<f64>>> {
        let answers = self.take_turns(command, rounds)?;
        let values = |answers: &Vec<Answer>| {
            answers.iter().map(|answer| Ok(answer.get(name)? / divisor)).collect::<Result<Vec<_>>>()
        };
        let values = answers.iter().map(values).collect::<Result<Vec<_>>>()?;
        let base = self.base.map(|base| values[base].clone()).unwrap_or_default();
        let median_of_base = median(base.clone()).filter(|median| *median > 0.0);
        let of_peer = |values: Vec<f64>| match median_of_base {
            Some(of_base) if values.len() == base.len() => {
                let ratios = values.iter().zip(&base).map(|(value, base)| value / base);
                median(ratios.collect()).map(|ratio| ratio * of_base)
            }
            _ => median(values),
        };
        Ok(values.into_iter().map(of_peer).collect())
    }

    /// Spans that each peer's agent has received.
    pub(crate) fn received(&self) -> Result<Vec<f64>> {
        self.processes.iter().map(|process| process.agent.counts()?.get("spans")).collect()
    }
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
