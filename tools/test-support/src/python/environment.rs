//! Where the packages are, and who installs them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::environ;
use super::install::{Installation, python_in, say};
use crate::fail::{Once, must, once};
use crate::time::{Deadline, Preparation};

/// How long one process waits for another's installation: many times what one takes.
const LOCK_LIMIT: Duration = Duration::from_secs(15 * 60);

const REQUIREMENTS: &str = include_str!("../../requirements.txt");

/// A Python with packages.
#[derive(Debug, Clone)]
pub struct Environment {
    python: PathBuf,
}

impl Environment {
    /// The one with the pinned test agent and `ddtrace`. Installs it if this is its first use since
    /// `requirements.txt` changed, saying so on stderr; panics with what to do by hand if it
    /// cannot.
    #[track_caller]
    pub fn shared() -> &'static Self {
        must("the Python side of the tests", Self::try_shared())
    }

    pub(super) fn try_shared() -> io::Result<&'static Self> {
        static SHARED: Once<Environment> = Once::new();
        once(&SHARED, || match environ::chosen_python() {
            Some(python) => Ok(Self { python }),
            None => Self::in_target("test-venv", REQUIREMENTS),
        })
    }

    /// One under Cargo's target directory, named after what is in it.
    pub(crate) fn in_target(name: &str, requirements: &str) -> io::Result<Self> {
        let dir = target_dir().join(format!("{name}-{:016x}", fnv1a(requirements)));
        Self::in_dir(&dir, requirements)
    }

    /// The one in `dir`, in which the packages of `requirements` are installed first if it is not
    /// complete. Any number of threads and processes may ask at once: one installs, the others wait
    /// for it.
    ///
    /// # Errors
    ///
    /// What failed in every way that there is to install, or `TimedOut` after a quarter of an hour.
    pub fn in_dir(dir: &Path, requirements: &str) -> io::Result<Self> {
        let environment = Self { python: python_in(dir) };
        if environment.is_complete(dir) {
            return Ok(environment);
        }
        let _preparation = Preparation::begin();
        fs::create_dir_all(dir)?;
        // Beside the directory, which an installation may begin by removing.
        let lock = File::create(dir.with_extension("lock"))?;
        acquire(&lock, dir)?;
        if !environment.is_complete(dir) {
            Installation { dir, requirements, lock: &lock }.run()?;
            fs::write(marker(dir), environment.interpreter()?)?;
        }
        Ok(environment)
    }

    /// The path of the interpreter.
    pub fn python(&self) -> &Path {
        &self.python
    }

    /// A program that a package has brought along.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.python.with_file_name(name).with_extension(std::env::consts::EXE_EXTENSION)
    }

    /// Written last, the marker means that the installation came to its end. It names the
    /// interpreter behind the links: after an upgrade of that one the packages are of no use to it.
    fn is_complete(&self, dir: &Path) -> bool {
        match (fs::read_to_string(marker(dir)), self.interpreter()) {
            (Ok(installed), Ok(present)) => installed == present,
            _ => false,
        }
    }

    fn interpreter(&self) -> io::Result<String> {
        Ok(self.python.canonicalize()?.to_string_lossy().into_owned())
    }
}

fn marker(dir: &Path) -> PathBuf {
    dir.join("complete")
}

/// The lock is the kernel's: no process can leave it behind.
fn acquire(lock: &File, dir: &Path) -> io::Result<()> {
    let mut said = false;
    Deadline::after(LOCK_LIMIT).poll(|| match fs4::FileExt::try_lock(lock) {
        Ok(()) => Ok(Some(())),
        Err(fs4::TryLockError::Error(error)) => Err(error),
        Err(fs4::TryLockError::WouldBlock) => {
            if !said {
                say(format_args!("waiting for another process to install {}", dir.display()));
                said = true;
            }
            Ok(None)
        }
    })
}

/// Cargo's target directory: that of the running test, wherever it was configured.
fn target_dir() -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    let is_target = |dir: &&Path| dir.join("CACHEDIR.TAG").exists();
    match test.ancestors().skip(1).find(is_target) {
        Some(dir) => dir.to_owned(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"),
    }
}

/// FNV-1a, to name a directory by its contents; nothing depends on its strength.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::thread;
    use std::time::SystemTime;

    fn installed_at(dir: &Path) -> SystemTime {
        fs::metadata(marker(dir)).unwrap().modified().unwrap()
    }

    #[test]
    fn of_many_that_ask_at_once_one_installs() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("venv");
        let together = Barrier::new(4);
        let pythons: Vec<_> = thread::scope(|scope| {
            let ask = || {
                together.wait();
                let environment = Environment::in_dir(&dir, "").unwrap();
                (environment.python().to_owned(), installed_at(&dir))
            };
            let asking: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            asking.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(pythons.iter().all(|other| *other == pythons[0]), "{pythons:?}");
        assert!(pythons[0].0.exists());
    }

    #[test]
    fn an_installation_that_was_cut_short_is_done_again() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("venv");
        Environment::in_dir(&dir, "").unwrap();
        let first = installed_at(&dir);
        assert_eq!(Environment::in_dir(&dir, "").map(|_| installed_at(&dir)).unwrap(), first);

        fs::remove_file(marker(&dir)).unwrap();
        let left_over = dir.join("left-over");
        fs::write(&left_over, "").unwrap();
        Environment::in_dir(&dir, "").unwrap();
        assert!(!left_over.exists());
    }

    #[test]
    fn a_replaced_interpreter_has_no_packages() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("venv");
        let environment = Environment::in_dir(&dir, "").unwrap();
        fs::write(marker(&dir), "/usr/bin/python3.1").unwrap();
        assert!(!environment.is_complete(&dir));
    }

    #[test]
    fn what_cannot_be_installed_says_what_to_do_by_hand() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("venv");
        let error = Environment::in_dir(&dir, "./no-such-package").unwrap_err().to_string();
        for help in ["no-such-package", "python3-venv", environ::PYTHON, "requirements.txt"] {
            assert!(error.contains(help), "{help} is not in:\n{error}");
        }
        assert!(!marker(&dir).exists());
    }
}
