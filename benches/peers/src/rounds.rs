//! Turns.

use crate::Result;
use crate::build::Binaries;
use crate::peers::Peer;
use crate::process::{Answer, Process, Start};

/// What one peer answered in its turns.
pub(crate) type Answers = Vec<Answer>;

/// Peers that run at the same time, and of which one at a time works.
pub(crate) struct Field(Vec<Process>);

impl Field {
    pub(crate) fn start(binaries: &Binaries, peers: &[Peer], start: Start<'_>) -> Result<Field> {
        peers
            .iter()
            .map(|peer| Process::start(binaries, peer, start))
            .collect::<Result<_>>()
            .map(Field)
    }

    /// Lets each peer do `command` in each of `rounds` rounds, after one that does not count. The answers are
    /// in the order of the peers; empty where a peer is not able to do it.
    pub(crate) fn take_turns(&mut self, command: &str, rounds: usize) -> Result<Vec<Answers>> {
        let mut answers = vec![Answers::new(); self.0.len()];
        for round in 0..=rounds {
            for (process, answers) in self.0.iter_mut().zip(&mut answers) {
                if round == 0 || !answers.is_empty() || round == 1 {
                    let answer = process.ask(command)?;
                    if round > 0 {
                        answers.extend(answer);
                    }
                }
            }
        }
        Ok(answers)
    }
}

/// The median of what the answers say about `name`; `None` where there is no answer.
pub(crate) fn median(answers: &Answers, name: &str) -> Result<Option<f64>> {
    let mut values = answers.iter().map(|answer| answer.get(name)).collect::<Result<Vec<_>>>()?;
    values.sort_by(f64::total_cmp);
    Ok(values.get(values.len() / 2).copied())
}
