//! What was asked for.

use crate::Result;

/// How much is measured, and on whom.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    /// Turns that each peer takes.
    pub(crate) rounds: usize,
    /// Names of peers; all of them where it is empty.
    pub(crate) peers: Vec<String>,
}

const HELP: &str = "\
cargo run --release -- [--rounds <n>] [--peers <name>,<name>]

  --rounds <n>   turns of each peer; an odd number gives a median that was measured (default 15)
  --peers <..>   only these peers; see benches/README.md for their names";

pub(crate) fn parse() -> Result<Arguments> {
    let mut parsed = Arguments { rounds: 15, peers: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), arguments.next()) {
            ("--rounds", Some(rounds)) => parsed.rounds = rounds.parse()?,
            ("--peers", Some(names)) => {
                parsed.peers = names.split(',').map(str::to_owned).collect()
            }
            _ => return Err(HELP.into()),
        }
    }
    Ok(parsed)
}
