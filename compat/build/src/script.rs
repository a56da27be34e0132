//! What a build script tells cargo.

#![allow(clippy::print_stdout, reason = "how a build script speaks to cargo")]
#![allow(clippy::disallowed_methods, reason = "how cargo speaks to a build script")]

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::files::{Files, Problem};
use crate::found::Found;
use crate::{packaged, repository, url};

const URL: &str = "DD_GIT_REPOSITORY_URL";
const COMMIT: &str = "DD_GIT_COMMIT_SHA";

/// Longer than any commit; a compiler has to take it as one of its arguments.
const MAX_COMMIT_BYTES: usize = 128;

/// Tells the compiler of this crate which repository and commit it is built from. Called by `main` of a build script.
///
/// Where the variables `DD_GIT_REPOSITORY_URL` and `DD_GIT_COMMIT_SHA` are set when the program is built, they count,
/// each for itself. Else a crate that cargo has packaged has a note of the commit, and the repository of its manifest.
/// Else both are read from the repository that the crate is in: the commit that is checked out, and the URL of the
/// remote `origin`. git itself is not needed: linked working trees, submodules, packed references and a detached `HEAD`
/// are read as git does. The URL becomes `https://host/path`, without user name and password.
///
/// `tracehound::source_code!()` reads the result, in the same crate, and is empty where nothing was found.
///
/// Nothing here fails a build. What is broken in a repository is one warning of cargo's; that there is no repository, no
/// remote or no commit is none.
///
/// From the first call on cargo runs the build script again when one of these variables, the commit or the remote
/// changes, **and no longer for every file of the package**. A build script that depends on other files has to name them
/// itself (`cargo:rerun-if-changed=..`), as cargo asks of every script that names any.
pub fn emit() {
    let variable = |name: &str| env::var(name).ok();
    let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let lines = lines(&manifest, variable);
    // Who does not listen does not want to know. `println!` would panic.
    let _ = io::stdout().lock().write_all(lines.as_bytes());
}

/// The lines for cargo.
fn lines(manifest: &Path, variable: impl Fn(&str) -> Option<String>) -> String {
    let mut lines =
        vec![format!("rerun-if-env-changed={URL}"), format!("rerun-if-env-changed={COMMIT}")];
    let given = |name| variable(name).filter(|text| !text.trim().is_empty());
    let (given_url, given_commit) = (given(URL), given(COMMIT));
    let (mut problems, mut files) = (Vec::new(), Files::default());

    // What is given in full needs no repository, and makes one that is broken no problem.
    let found = if given_url.is_some() && given_commit.is_some() {
        Found::default()
    } else {
        find(manifest, given("CARGO_PKG_REPOSITORY"), &mut files).unwrap_or_else(|problem| {
            problems.push(format!("{problem}; nothing of the repository is embedded"));
            Found::default()
        })
    };
    let url = match given_url {
        Some(given) => url::normalize(&given).or_else(|| {
            problems.push(format!("{URL} is no address of a repository"));
            None
        }),
        None => found.url.as_deref().and_then(url::normalize),
    };
    let commit = match given_commit.as_deref().map(str::trim) {
        Some(given) if is_token(given) => Some(given.to_owned()),
        Some(_) => {
            problems.push(format!("{COMMIT} is no commit"));
            None
        }
        None => found.commit,
    };

    let watched = files.watched().iter().filter_map(|path| path.to_str());
    lines.extend(watched.map(|path| format!("rerun-if-changed={path}")));
    // Empty where they are not known: a variable of the same name in the environment of the build must not get in.
    lines.push(format!("rustc-env={URL}_BUILD={}", url.unwrap_or_default()));
    lines.push(format!("rustc-env={COMMIT}_BUILD={}", commit.unwrap_or_default()));
    if !problems.is_empty() {
        lines.push(format!("warning=tracehound-build: {}", problems.join("; ")));
    }
    // A line break in a path would begin an instruction of its own.
    let lines = lines.iter().filter(|line| !line.contains(['\n', '\r']));
    lines.map(|line| format!("cargo:{line}\n")).collect()
}

fn find(manifest: &Path, repository: Option<String>, files: &mut Files) -> Result<Found, Problem> {
    if let Some(found) = packaged::read(manifest, repository, files)? {
        return Ok(found);
    }
    Ok(repository::read(manifest, files)?.unwrap_or_default())
}

/// Whether a text can be a commit, or another name of what was built.
fn is_token(text: &str) -> bool {
    text.len() <= MAX_COMMIT_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn said(manifest: &Path, variables: &[(&str, &str)]) -> Vec<String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name)?;
            Some(found.1.to_owned())
        };
        let lines = lines(manifest, variable);
        assert!(lines.lines().all(|line| line.starts_with("cargo:")), "{lines}");
        let wanted = |line: &&str| line.contains("rustc-env") || line.contains("warning");
        lines
            .lines()
            .filter(wanted)
            .map(|line| line.trim_start_matches("cargo:").to_owned())
            .collect()
    }

    #[test]
    fn variables_win_each_for_itself_and_make_a_broken_repository_no_problem() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(".git"), "nonsense").unwrap();
        let url = (URL, "git@host:a/b.git");
        let commit = (COMMIT, " v1.2 ");
        let both = [
            "rustc-env=DD_GIT_REPOSITORY_URL_BUILD=https://host/a/b",
            "rustc-env=DD_GIT_COMMIT_SHA_BUILD=v1.2",
        ];
        assert_eq!(said(directory.path(), &[url, commit]), both);
        let said = said(directory.path(), &[url]);
        assert_eq!(said[..2], [both[0], "rustc-env=DD_GIT_COMMIT_SHA_BUILD="]);
        assert!(said[2].starts_with("warning=tracehound-build: ") && said.len() == 3, "{said:?}");
    }

    #[test]
    fn variables_that_make_no_sense_are_one_warning_and_no_instruction() {
        let directory = tempfile::tempdir().unwrap();
        let url = (URL, "https://u:hunter2@host/a\ncargo:rustc-cfg=evil");
        let commit = (COMMIT, "a b");
        let empty =
            ["rustc-env=DD_GIT_REPOSITORY_URL_BUILD=", "rustc-env=DD_GIT_COMMIT_SHA_BUILD="];
        let warning = "warning=tracehound-build: DD_GIT_REPOSITORY_URL is no address of a repository; \
                       DD_GIT_COMMIT_SHA is no commit";
        assert_eq!(said(directory.path(), &[url, commit]), [empty[0], empty[1], warning]);
    }

    #[test]
    fn a_package_has_its_own_commit_also_below_another_repository() {
        let directory = tempfile::tempdir().unwrap();
        let manifest = directory.path().join("vendor/shop");
        fs::create_dir_all(&manifest).unwrap();
        fs::write(directory.path().join(".git"), "nonsense").unwrap();
        let sha = "0123456789abcdef0123456789abcdef01234567";
        fs::write(
            manifest.join(".cargo_vcs_info.json"),
            format!("{{\"git\":{{\"sha1\":\"{sha}\"}}}}"),
        )
        .unwrap();
        let repository = ("CARGO_PKG_REPOSITORY", "https://host/shop.git");
        let commit = format!("rustc-env=DD_GIT_COMMIT_SHA_BUILD={sha}");
        let url = "rustc-env=DD_GIT_REPOSITORY_URL_BUILD=https://host/shop".to_owned();
        assert_eq!(said(&manifest, &[repository]), [url, commit]);
    }
}
