//! What all sections work with.

use crate::Result;
use crate::arguments::Arguments;
use crate::build::{self, Binaries};
use crate::findings::Findings;
use crate::peers::{self, Peer};

pub(crate) struct Run {
    pub(crate) arguments: Arguments,
    pub(crate) peers: Vec<Peer>,
    pub(crate) binaries: Binaries,
    pub(crate) findings: Findings,
}

impl Run {
    pub(crate) fn prepare(arguments: Arguments) -> Result<Run> {
        let peers = peers::chosen(&arguments.peers);
        let binaries = build::binaries(&peers)?;
        Ok(Run { arguments, peers, binaries, findings: Findings::default() })
    }

    /// Those of whom `is_asked` is true.
    pub(crate) fn peers(&self, is_asked: impl Fn(&Peer) -> bool) -> Vec<Peer> {
        self.peers.iter().copied().filter(is_asked).collect()
    }
}
