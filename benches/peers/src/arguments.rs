//! What was asked for.

use std::time::Duration;

use crate::Result;

/// How much is measured, and on whom.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    /// Turns that each peer takes.
    pub(crate) rounds: usize,
    /// Turns of the measures that take seconds.
    pub(crate) long_rounds: usize,
    /// How long a steady load lasts.
    pub(crate) length: Duration,
    /// Names of peers; all of them where it is empty.
    pub(crate) peers: Vec<String>,
    /// Names of sections; all of them where it is empty.
    sections: Vec<String>,
    /// Whether the least programs are built from nothing, to see what that takes.
    pub(crate) builds: bool,
}

impl Arguments {
    pub(crate) fn is_wanted(&self, section: &str) -> bool {
        self.sections.is_empty() || self.sections.iter().any(|name| name == section)
    }
}

const HELP: &str = "\
cargo run --release -- [--quick] [--builds] [--rounds <n>] [--peers <name>,..] [--sections <name>,..]

  --rounds <n>      turns of each peer, better an odd number (default 15)
  --quick           3 turns, shorter loads: to see that it works, not for figures
  --builds          also measure clean release builds, which takes minutes
  --peers <..>      only these peers; see benches/README.md
  --sections <..>   only these sections:";

pub(crate) fn parse<'a>(sections: impl Iterator<Item = &'a str> + Clone) -> Result<Arguments> {
    let mut parsed = Arguments {
        rounds: 15,
        long_rounds: 3,
        length: Duration::from_secs(5),
        peers: Vec::new(),
        sections: Vec::new(),
        builds: false,
    };
    let names = |list: String| list.split(',').map(str::to_owned).collect();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or("a value is missing");
        match argument.as_str() {
            "--rounds" => parsed.rounds = value()?.parse()?,
            "--peers" => parsed.peers = names(value()?),
            "--sections" => parsed.sections = names(value()?),
            "--builds" => parsed.builds = true,
            "--quick" => {
                (parsed.rounds, parsed.long_rounds) = (3, 1);
                parsed.length = Duration::from_secs(2);
            }
            _ => return Err(help(sections).into()),
        }
    }
    if parsed.rounds == 0 || !parsed.sections.iter().all(|name| sections.clone().any(|s| s == name))
    {
        return Err(help(sections).into());
    }
    Ok(parsed)
}

fn help<'a>(sections: impl Iterator<Item = &'a str>) -> String {
    format!("{HELP} {}", sections.collect::<Vec<_>>().join(", "))
}
