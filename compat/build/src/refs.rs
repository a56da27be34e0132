//! The commit that is checked out: `HEAD`, and what it refers to.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::files::{Files, Problem, of};
use crate::found::is_object_id;
use crate::repository::{MAX_LINE_BYTES, Repository};

/// As many as git follows.
const MAX_STEPS: usize = 5;

/// A repository with a million branches has 60 MB of them.
const MAX_PACKED_BYTES: u64 = 256 * 1024 * 1024;

/// The commit. `None` where nothing was committed so far.
pub(crate) fn head(repository: &Repository, files: &mut Files) -> Result<Option<String>, Problem> {
    let mut path = repository.own.join("HEAD");
    let mut name = String::from("HEAD");
    for _ in 0..MAX_STEPS {
        let Some(text) = files.text(&path, MAX_LINE_BYTES)? else {
            if name == "HEAD" {
                files.watch(&path);
                return Err(of(&path, "is not there"));
            }
            // The file comes to be with the next commit.
            if let Some(directory) = nearest_directory(&path, &repository.common) {
                files.watch(directory);
            }
            return packed_commit(&repository.common.join("packed-refs"), &name, files);
        };
        let text = text.trim();
        let Some(next) = text.strip_prefix("ref:") else {
            if is_object_id(text) {
                return Ok(Some(text.to_owned()));
            }
            return Err(of(&path, "holds neither a commit nor the name of a branch"));
        };
        name = next.trim().to_owned();
        if !is_ref(&name) {
            return Err(of(&path, "refers to what is no branch"));
        }
        path = repository.common.join(&name);
    }
    Err(of(&path, "refers to branches that refer to each other"))
}

/// Whether this is the name of a reference below the directory of the repository, and of no other file.
fn is_ref(name: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.');
    let is_odd = |c: char| c.is_control() || matches!(c, '\\' | ':');
    name.starts_with("refs/") && name.split('/').all(is_part) && !name.contains(is_odd)
}

/// The directory that is there and in which a file would appear: a directory is looked through for changes, so it is not
/// the whole repository's.
fn nearest_directory<'p>(path: &'p Path, within: &Path) -> Option<&'p Path> {
    let mut directories = path.ancestors().skip(1).take_while(|directory| *directory != within);
    directories.find(|directory| directory.is_dir())
}

/// The commit of a reference in the file of those that are packed: `<commit> <name>` in each line.
fn packed_commit(path: &Path, name: &str, files: &mut Files) -> Result<Option<String>, Problem> {
    let Some(file) = files.open(path)? else { return Ok(None) };
    let mut lines = BufReader::new(file.take(MAX_PACKED_BYTES));
    let mut line = Vec::new();
    loop {
        line.clear();
        // One line is no longer than a name may be, and not the whole of a broken file.
        let read = (&mut lines).take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
        if read.map_err(|error| of(path, &error.to_string()))? == 0 {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&line);
        if let Some((commit, packed)) = text.trim_end().split_once(' ') {
            if packed == name && is_object_id(commit) {
                return Ok(Some(commit.to_owned()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    fn repository(files: &[(&str, &str)]) -> (TempDir, Repository) {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let own = directory.path().to_owned();
        (directory, Repository { common: own.clone(), own })
    }

    fn commit(files: &[(&str, &str)]) -> Result<Option<String>, String> {
        let (directory, repository) = repository(files);
        let found = head(&repository, &mut Files::default());
        let place = format!("{}/", directory.path().display());
        found.map_err(|problem| problem.replace(&place, ""))
    }

    #[test]
    fn the_commit_is_found_wherever_git_keeps_it() {
        let main = "ref: refs/heads/main\n";
        let packed = format!(
            "# pack-refs with: peeled\n{SHA} refs/heads/mai\n{SHA} refs/heads/main\n^{SHA}\n"
        );
        let sha256 = "ab".repeat(32);
        for (files, expected) in [
            (&[("HEAD", SHA)][..], Some(SHA)),
            (&[("HEAD", sha256.as_str())], Some(sha256.as_str())),
            (&[("HEAD", main), ("refs/heads/main", SHA)], Some(SHA)),
            (&[("HEAD", main), ("packed-refs", packed.as_str())], Some(SHA)),
            (&[("HEAD", "ref: refs/heads/a/b"), ("refs/heads/a/b", SHA)], Some(SHA)),
            (&[("HEAD", main), ("refs/heads/main", "ref: refs/x"), ("refs/x", SHA)], Some(SHA)),
            // Nothing was committed so far.
            (&[("HEAD", main)], None),
            (&[("HEAD", main), ("packed-refs", "")], None),
        ] {
            assert_eq!(commit(files), Ok(expected.map(str::to_owned)), "{files:?}");
        }
    }

    #[test]
    fn what_is_broken_is_told_with_the_file() {
        let to_main = ("HEAD", "ref: refs/heads/main");
        let long = "x".repeat(20_000);
        let neither = "holds neither a commit nor the name of a branch";
        for (files, expected) in [
            (&[][..], "HEAD: is not there".to_owned()),
            (&[("HEAD", "")], format!("HEAD: {neither}")),
            (&[("HEAD", &SHA[..39])], format!("HEAD: {neither}")),
            (&[("HEAD", &long)], "HEAD: has more than 16384 bytes".to_owned()),
            (&[to_main, ("refs/heads/main", "?")], format!("refs/heads/main: {neither}")),
            (&[("HEAD/x", "")], "HEAD: is no file".to_owned()),
            (
                &[to_main, ("refs/heads/main", "ref: refs/heads/main")],
                "refs/heads/main: refers to branches that refer to each other".to_owned(),
            ),
        ] {
            assert_eq!(commit(files), Err(expected), "{files:?}");
        }
        for name in
            ["/etc/passwd", "refs/../../x", "refs//x", "HEAD", "refs/.x", "refs/a:b", "refs/a\\b"]
        {
            let text = format!("ref: {name}");
            let expected = "HEAD: refers to what is no branch".to_owned();
            assert_eq!(commit(&[("HEAD", &text)]), Err(expected), "{name}");
        }
    }

    #[test]
    fn what_is_watched_is_there() {
        let packed = format!("{SHA} refs/heads/a/b\n");
        let (directory, repository) = repository(&[
            ("HEAD", "ref: refs/heads/a/b"),
            ("packed-refs", &packed),
            ("refs/heads/x", SHA),
        ]);
        let mut files = Files::default();
        head(&repository, &mut files).unwrap();
        let expected =
            ["HEAD", "refs/heads", "packed-refs"].map(|name| directory.path().join(name));
        assert_eq!(files.watched(), expected);
    }
}
