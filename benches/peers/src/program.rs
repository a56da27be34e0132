//! What a library brings into a program: crates, size, and time to build.

use std::fs;

use crate::Result;
use crate::build::{self, cargo_output};
use crate::run::Run;
use crate::table::Table;

pub(crate) fn section(run: &mut Run) -> Result<String> {
    let peers = run.peers(|peer| peer.is_first);
    let mut table = Table::new(
        "The program",
        "The least program that is traced as the documentation recommends (`minimal/`), with default features \
         and without TLS.",
        &peers,
    );
    let mut crates = Vec::new();
    let mut sizes = Vec::new();
    let mut builds = Vec::new();
    for peer in &peers {
        let package = format!("minimal-{}", peer.program);
        crates.push(Some(dependencies(&package)?));
        let (size, seconds) = built(&package, run.arguments.builds)?;
        sizes.push(Some(size / 1024.0));
        builds.push(run.arguments.builds.then_some(seconds));
    }
    table.row("crates it depends on", 0, &crates);
    table.ratios("stripped, KiB", 0, &sizes);
    table.record(&mut run.findings, "crates", &crates);
    table.record(&mut run.findings, "size", &sizes);
    if run.arguments.builds {
        table.ratios("clean release build, s of processor time", 1, &builds);
        table.record(&mut run.findings, "build", &builds);
    }
    Ok(table.text())
}

/// Crates that end up in the program or that build it, without itself.
fn dependencies(package: &str) -> Result<f64> {
    let tree = cargo_output(&[
        "tree",
        "--package",
        package,
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ])?;
    let mut crates: Vec<_> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    crates.sort_unstable();
    crates.dedup();
    Ok(crates.len() as f64 - 1.0)
}

/// The size of the program in bytes, and the processor time that building took, in seconds; from nothing where
/// that is asked for.
fn built(package: &str, clean: bool) -> Result<(f64, f64)> {
    let target = build::target().join(if clean { "clean" } else { "minimal" });
    if clean && target.exists() {
        fs::remove_dir_all(&target)?;
    }
    let directory = target.display().to_string();
    let before = children_cpu()?;
    build::cargo(&[
        "build",
        "--profile",
        "stripped",
        "--package",
        package,
        "--target-dir",
        &directory,
    ])?;
    let seconds = children_cpu()? - before;
    let size = fs::metadata(target.join("stripped").join(package))?.len() as f64;
    if clean {
        fs::remove_dir_all(&target)?;
    }
    Ok((size, seconds))
}

/// Seconds of processor time of the processes that this one has started and waited for, and of theirs.
fn children_cpu() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // Behind the name, which is in brackets; a tick is a hundredth of a second for all programs on Linux.
    let (_, fields) = stat.rsplit_once(')').ok_or("no name")?;
    let ticks = fields.split_whitespace().skip(13).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<std::result::Result<f64, _>>()? / 100.0)
}
