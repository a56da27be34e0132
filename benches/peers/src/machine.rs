//! What it was measured on, and how.

use std::fs;
use std::process::Command;

use crate::Result;
use crate::arguments::Arguments;

pub(crate) fn head(arguments: &Arguments) -> Result<String> {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism()?;
    let rustc = Command::new("rustc").arg("--version").output()?;
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    Ok(format!(
        "# What tracing costs\n\n\
         {cores} cores of {}, {}, load at the start {}. {} interleaved rounds.\n",
        model.map_or("an unknown processor", |(_, name)| name.trim()),
        String::from_utf8_lossy(&rustc.stdout).trim(),
        load.split(' ').next().unwrap_or_default(),
        arguments.rounds,
    ))
}
