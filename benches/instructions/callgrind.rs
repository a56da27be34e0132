//! A case in a process of its own, under callgrind or alone.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::cases::Case;

/// Of one process. The longest takes three seconds, and twenty where six others want the two processors.
const LIMIT: Duration = Duration::from_secs(120);

/// Batches that are counted. Once all is warm they take the same number each.
const BATCHES: u64 = 10;

/// Whether there is a valgrind to count with.
pub(crate) fn is_there() -> bool {
    run(Command::new("valgrind").arg("--version")).is_ok()
}

/// Instructions of one thread for one span, or for one carrier.
pub(crate) fn instructions(case: &Case) -> Result<u64, String> {
    match total(case).map_err(|error| of(case, error))? {
        0 => Err(of(case, format!("no function is called {}", case.counted))),
        total => Ok(total / (BATCHES * case.pieces * case.spans)),
    }
}

/// Does the work once, without counting.
pub(crate) fn try_out(case: &Case) -> Result<(), String> {
    run(for_case(&mut Command::new(this()?), case.name, 0)).map_err(|error| of(case, error))
}

fn total(case: &Case) -> Result<u64, String> {
    let directory = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).map_err(text)?;
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--separate-threads=yes", "--quiet"])
        .args(["--collect-atstart=no", &format!("--toggle-collect={}", case.counted)])
        .arg(format!("--callgrind-out-file={}", directory.path().join("out").display()))
        .arg(this()?);
    run(for_case(&mut valgrind, case.name, BATCHES))?;
    // Each thread has a file, and only one of them has called the function.
    let files = fs::read_dir(directory.path()).map_err(text)?;
    files.map(|file| of_thread(&file.map_err(text)?.path())).sum()
}

/// Nothing where the thread has not done what is counted.
fn of_thread(file: &Path) -> Result<u64, String> {
    let counted = fs::read_to_string(file).map_err(text)?;
    let total = |line: &str| line.strip_prefix("totals: ")?.trim().parse::<u64>().ok();
    Ok(counted.lines().find_map(total).unwrap_or_default())
}

fn this() -> Result<PathBuf, String> {
    env::current_exe().map_err(text)
}

/// Neither valgrind nor a tracer is to be told anything by the environment.
fn for_case<'a>(command: &'a mut Command, case: &str, batches: u64) -> &'a mut Command {
    let is_needed = |name: &OsStr| ["PATH", "VALGRIND_LIB"].iter().any(|needed| name == *needed);
    command
        .args(["--work", case, &batches.to_string()])
        .env_clear()
        .envs(env::vars_os().filter(|(name, _)| is_needed(name)))
}

/// Runs it to its end, or ends it.
fn run(command: &mut Command) -> Result<(), String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(text)?;
    let stderr = child.stderr.take();
    let (ended, has_ended) = channel();
    thread::spawn(move || {
        let mut said = String::new();
        // It ends when the process does.
        let _ = stderr.map(|mut stderr| stderr.read_to_string(&mut said));
        let _ = ended.send(said);
    });
    let Ok(said) = has_ended.recv_timeout(LIMIT) else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!("it did not end within {LIMIT:?}"));
    };
    let status = child.wait().map_err(text)?;
    if status.success() { Ok(()) } else { Err(format!("{status}: {said}")) }
}

fn of(case: &Case, error: String) -> String {
    format!("{}: {error}", case.name)
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
