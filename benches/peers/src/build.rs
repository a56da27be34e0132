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

/// Where they are built, whatever this program was built with.
pub(crate) fn target() -> PathBuf {
    workspace().join("target")
}

pub(crate) fn binaries(peers: &[Peer]) -> Result<Binaries> {
    cargo(&["build", "--release", "--package", "sink"])?;
    let mut programs: Vec<_> = peers.iter().map(|peer| peer.program).collect();
    programs.dedup();
    for program in programs {
        cargo(&["build", "--release", "--package", &format!("peer-{program}")])?;
    }
    Ok(Binaries(target().join("release")))
}

pub(crate) fn cargo(arguments: &[&str]) -> Result<()> {
    let mut command = command(arguments);
    if command.status()?.success() { Ok(()) } else { Err(format!("{command:?} failed").into()) }
}

/// What cargo prints.
pub(crate) fn cargo_output(arguments: &[&str]) -> Result<String> {
    let output = command(arguments).output()?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into())
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).arg("--quiet").env_remove("CARGO_TARGET_DIR").current_dir(workspace());
    command
}
