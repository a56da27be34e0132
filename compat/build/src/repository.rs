//! Finding the repository: its directory, and where a linked working tree has the rest of it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::files::{Files, Problem, of};
use crate::found::Found;
use crate::{config, refs};

/// The files `.git`, `commondir` and `HEAD` have a line; none has to be longer than a path can be.
pub(crate) const MAX_LINE_BYTES: u64 = 16 * 1024;

/// The directories of a repository.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Repository {
    /// With `HEAD`: of this working tree alone.
    pub(crate) own: PathBuf,
    /// With branches and configuration: the same, but in a linked working tree (`git worktree`).
    pub(crate) common: PathBuf,
}

/// What the repository knows that a directory is in; `None` where it is in none.
pub(crate) fn read(directory: &Path, files: &mut Files) -> Result<Option<Found>, Problem> {
    let Some(repository) = find(directory, files)? else { return Ok(None) };
    let url = config::origin_url(&repository.common, files)?;
    let commit = refs::head(&repository, files)?;
    Ok(Some(Found { url, commit }))
}

fn find(directory: &Path, files: &mut Files) -> Result<Option<Repository>, Problem> {
    for directory in directory.ancestors() {
        let place = directory.join(".git");
        let Ok(metadata) = fs::metadata(&place) else {
            // A link that leads nowhere is there, and is no repository.
            if fs::symlink_metadata(&place).is_ok() {
                files.watch(&place);
                return Err(of(&place, "leads nowhere"));
            }
            continue;
        };
        if metadata.is_dir() {
            return open(place, files).map(Some);
        }
        // A linked working tree or a submodule: `gitdir: <path>`.
        let text = files.text(&place, MAX_LINE_BYTES)?.unwrap_or_default();
        let Some(path) = text.lines().next().and_then(|line| line.strip_prefix("gitdir:")) else {
            let what = "is neither a directory nor says where that is (\"gitdir: ..\")";
            return Err(of(&place, what));
        };
        let own = directory.join(path.trim());
        if !own.is_dir() {
            return Err(of(&place, "names a directory that is not there"));
        }
        return open(own, files).map(Some);
    }
    Ok(None)
}

/// The repository with this directory.
fn open(own: PathBuf, files: &mut Files) -> Result<Repository, Problem> {
    let common = match files.text(&own.join("commondir"), MAX_LINE_BYTES)? {
        Some(path) => own.join(path.trim()),
        None => own.clone(),
    };
    Ok(Repository { own, common })
}
