//! What it was measured on, and how.

use std::fs;
use std::process::Command;

use crate::Result;
use crate::arguments::Arguments;

/// The peers' crates, whose versions the lock file knows.
const CRATES: [&str; 6] = [
    "datadog-opentelemetry",
    "fastrace",
    "fastrace-datadog",
    "opentelemetry-otlp",
    "opentelemetry_sdk",
    "tracing-opentelemetry",
];

pub(crate) fn head(arguments: &Arguments) -> Result<String> {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let rustc = Command::new("rustc").arg("--version").output()?;
    Ok(format!(
        "# What tracing costs\n\n\
         Printed by `benches/peers`; the [README](README.md) says who takes part and what is done.\n\n\
         - Machine: {} cores of {}, Linux {}, load at the start {} (more than 0.5 is noise).\n\
         - Compiler: {}, release profile.\n\
         - Peers: {}.\n\
         - Method: {} interleaved rounds after one that does not count, {} of the long measures, loads of \
         {:.0} s; medians.\n",
        std::thread::available_parallelism()?,
        model.map_or("an unknown processor", |(_, name)| name.trim()),
        kernel.trim(),
        load.split(' ').next().unwrap_or_default(),
        String::from_utf8_lossy(&rustc.stdout).trim(),
        versions()?.join(", "),
        arguments.rounds,
        arguments.long_rounds,
        arguments.length.as_secs_f64(),
    ))
}

fn versions() -> Result<Vec<String>> {
    let lock = fs::read_to_string(crate::build::workspace().join("Cargo.lock"))?;
    let packages = lock.split("[[package]]").filter_map(|package| {
        let field = |name: &str| {
            let value = package.lines().find_map(|line| line.strip_prefix(name))?;
            Some(value.trim_start_matches(" = ").trim_matches('"'))
        };
        let name = field("name").filter(|name| CRATES.contains(name))?;
        Some(format!("{name} {}", field("version")?))
    });
    Ok(packages.collect())
}
