//! Reading files of which nothing is known: no more than they may have, and nothing that waits.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Why a file could not be used, for a line of cargo's.
pub(crate) type Problem = String;

/// Reads files, and remembers what the result depends on, also where that ends in a problem: once it is solved, the
/// build script has to run again.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// What was read, or stands where something was to be read.
    watched: Vec<PathBuf>,
}

impl Files {
    /// The text of a file; `None` where there is no file.
    pub(crate) fn text(&mut self, path: &Path, max_bytes: u64) -> Result<Option<String>, Problem> {
        let Some(file) = self.open(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| of(path, &error.to_string()))?;
        if bytes.len() as u64 > max_bytes {
            return Err(of(path, &format!("has more than {max_bytes} bytes")));
        }
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// A file to be read; `None` where there is none.
    ///
    /// A directory, a device or a pipe in its place is a problem and not opened: a pipe would wait for a writer for
    /// ever.
    pub(crate) fn open(&mut self, path: &Path) -> Result<Option<File>, Problem> {
        let opened = match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => File::open(path),
            Ok(_) => Err(io::Error::other("is no file")),
            Err(error) => Err(error),
        };
        let is_absent = |error: &io::Error| {
            matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        };
        match opened {
            Err(error) if is_absent(&error) => Ok(None),
            opened => {
                self.watch(path);
                opened.map(Some).map_err(|error| of(path, &error.to_string()))
            }
        }
    }

    /// Remembers a path. Of a directory all that is in it counts; where there is nothing, the script runs each time.
    pub(crate) fn watch(&mut self, path: &Path) {
        self.watched.push(path.to_owned());
    }

    pub(crate) fn watched(&self) -> &[PathBuf] {
        &self.watched
    }
}

pub(crate) fn of(path: &Path, what: &str) -> Problem {
    format!("{}: {what}", path.display())
}
