//! Builds the programs, each with the features that it alone asks for.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::peers::Peer;

/// Where the programs are.
#[derive(Clone, Debug)]
pub(crate) struct Binaries(PathBuf);

impl Binaries {
    pub(crate) fn path(&self, program: &str) -> PathBuf {
        self.0.join(program)
    }
}

/// The directory of this workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn binaries(peers: &[Peer]) -> Result<Binaries> {
    cargo(&["build", "--release", "--package", "sink"])?;
    let mut programs: Vec<_> = peers.iter().map(|peer| peer.program).collect();
    programs.dedup();
    for program in programs {
        cargo(&["build", "--release", "--package", &format!("peer-{program}")])?;
    }
    let target = std::env::current_exe()?;
    Ok(Binaries(target.parent().ok_or("no directory")?.to_owned()))
}

pub(crate) fn cargo(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).args(["--quiet", "--locked"]).current_dir(workspace());
    if command.status()?.success() { Ok(()) } else { Err(format!("{command:?} failed").into()) }
}
