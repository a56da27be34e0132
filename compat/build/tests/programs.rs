//! Programs that are built in real repositories, with the helper in their build script and the tracer in `main`.
//!
//! They need git, to make the repositories, and no network: what they depend on is that of this workspace.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may fail loudly, and needs PATH"
)]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use tempfile::TempDir;
use tracehound_test_support::within;

/// Of all of them together: the core is built once, for some twenty seconds on a machine that does nothing else.
const LIMIT: Duration = Duration::from_secs(900);

const URL: &str = "https://github.com/user/shop";

/// What a program says of itself: the repository and the commit.
type Told = (Option<String>, Option<String>);

/// Where programs are made and built. What they all depend on is built once.
struct Workshop {
    directory: TempDir,
}

impl Workshop {
    fn new() -> Self {
        Workshop { directory: TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A new program in a directory.
    fn program(&self, directory: &Path) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
        let root = root.to_str().unwrap();
        fs::create_dir_all(directory.join("src")).unwrap();
        let manifest = format!(
            "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
             [dependencies]\ntracehound = {{ path = '{root}', default-features = false }}\n\n\
             [build-dependencies]\ntracehound-build = {{ path = '{root}/compat/build' }}\n\n\
             [workspace]\n"
        );
        fs::write(directory.join("Cargo.toml"), manifest).unwrap();
        // The versions that are there.
        fs::copy(format!("{root}/Cargo.lock"), directory.join("Cargo.lock")).unwrap();
        fs::write(directory.join("build.rs"), "fn main() {\n    tracehound_build::emit();\n}\n")
            .unwrap();
        let main = "fn main() {\n    \
            let tracer = tracehound::Tracer::builder().source_code(tracehound::source_code!()).build();\n    \
            let config = tracer.config().unwrap();\n    \
            println!(\"{}\", config.git_repository_url().unwrap_or(\"-\"));\n    \
            println!(\"{}\", config.git_commit_sha().unwrap_or(\"-\"));\n}\n";
        fs::write(directory.join("src/main.rs"), main).unwrap();
    }

    /// Builds and runs it. Returns what it says, and what cargo warns of.
    fn run(
        &self,
        directory: &Path,
        at_build: &[(&str, &str)],
        at_run: &[(&str, &str)],
    ) -> (Told, Vec<String>) {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--offline"]).current_dir(directory).envs(at_build.iter().copied());
        build.env("CARGO_TARGET_DIR", self.path("target"));
        let built = run(&mut build);
        let said = String::from_utf8(built.stderr).unwrap();
        let warnings = said.lines().filter_map(|line| line.strip_prefix("warning: shop@0.1.0: "));
        let program = self.path("target/debug/shop");
        let said = run(Command::new(program).envs(at_run.iter().copied())).stdout;
        let said = String::from_utf8(said).unwrap();
        let mut lines = said.lines().map(|line| Some(line.to_owned()).filter(|line| line != "-"));
        let told = (lines.next().unwrap(), lines.next().unwrap());
        (told, warnings.map(str::to_owned).collect())
    }

    /// The same, where there is nothing to warn of.
    fn told(&self, directory: &Path) -> Told {
        let (told, warnings) = self.run(directory, &[], &[]);
        assert_eq!(warnings, [""; 0]);
        told
    }

    /// As [`Workshop::run`], of a broken repository: one warning, and nothing embedded.
    fn warning(&self, directory: &Path) -> String {
        let (told, warnings) = self.run(directory, &[], &[]);
        assert_eq!((told, warnings.len()), ((None, None), 1), "{warnings:?}");
        warnings.concat()
    }
}

/// Runs a command that has to succeed, and sees nothing of the settings of whoever runs the tests.
fn run(command: &mut Command) -> Output {
    let variables = env::vars_os().map(|(name, _)| name);
    for name in variables.filter(|name| name.to_str().is_some_and(|name| name.starts_with("DD_"))) {
        if !command.get_envs().any(|(given, _)| given == name) {
            command.env_remove(name);
        }
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output
}

fn git(directory: &Path, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    let own = ["-c", "user.name=t", "-c", "user.email=t@host", "-c", "protocol.file.allow=always"];
    git.args(own).args(arguments).current_dir(directory);
    // Set where the tests run in a hook of git's.
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        git.env_remove(variable);
    }
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    String::from_utf8(run(&mut git).stdout).unwrap().trim().to_owned()
}

fn commit(directory: &Path) -> String {
    git(directory, &["add", "."]);
    git(directory, &["commit", "--quiet", "--allow-empty", "--message", "change"]);
    git(directory, &["rev-parse", "HEAD"])
}

/// A repository with this program in it, a remote and a commit.
fn repository(workshop: &Workshop, name: &str) -> (PathBuf, String) {
    let directory = workshop.path(name);
    workshop.program(&directory);
    git(&directory, &["init", "--quiet", "--initial-branch", "main"]);
    git(&directory, &["remote", "add", "origin", "https://me:hunter2@github.com/user/shop.git"]);
    let head = commit(&directory);
    (directory, head)
}

fn both(head: &str) -> Told {
    (Some(URL.to_owned()), Some(head.to_owned()))
}

#[test]
fn a_program_knows_its_repository_and_commit_and_nothing_breaks_its_build() {
    within(LIMIT, || {
        let workshop = Workshop::new();
        ordinary_repositories(&workshop);
        variables(&workshop);
        broken_repositories(&workshop);
    });
}

fn ordinary_repositories(workshop: &Workshop) {
    let (shop, first) = repository(workshop, "shop");
    assert_eq!(workshop.told(&shop), both(&first));
    // Another commit, and another branch, build it again.
    let second = commit(&shop);
    assert_eq!(workshop.told(&shop), both(&second));
    git(&shop, &["pack-refs", "--all"]);
    assert_eq!(workshop.told(&shop), both(&second));
    let third = commit(&shop);
    assert_eq!(workshop.told(&shop), both(&third), "a commit after references were packed");
    git(&shop, &["checkout", "--quiet", &first]);
    assert_eq!(workshop.told(&shop), both(&first), "detached");
    git(&shop, &["checkout", "--quiet", "-b", "feature/a"]);
    let feature = commit(&shop);
    assert_eq!(workshop.told(&shop), both(&feature));

    let tree = workshop.path("tree");
    git(&shop, &["worktree", "add", "--quiet", tree.to_str().unwrap(), "main"]);
    assert_eq!(workshop.told(&tree), both(&third), "a linked working tree");

    let outer = workshop.path("outer");
    fs::create_dir(&outer).unwrap();
    git(&outer, &["init", "--quiet"]);
    git(&outer, &["submodule", "--quiet", "add", shop.to_str().unwrap(), "inner"]);
    let inner = outer.join("inner");
    git(&inner, &["remote", "set-url", "origin", "git@github.com:user/shop.git"]);
    assert_eq!(workshop.told(&inner), both(&feature), "a submodule");

    // A package deep within the repository.
    let member = shop.join("crates/shop");
    workshop.program(&member);
    assert_eq!(workshop.told(&member), both(&feature));

    // Ordinary, and no reason for a warning.
    git(&shop, &["remote", "remove", "origin"]);
    assert_eq!(workshop.told(&shop), (None, Some(feature)));
    let empty = workshop.path("empty");
    workshop.program(&empty);
    git(&empty, &["init", "--quiet"]);
    assert_eq!(workshop.told(&empty), (None, None));
}

fn variables(workshop: &Workshop) {
    let (shop, head) = repository(workshop, "variables");
    let at_build = [("DD_GIT_COMMIT_SHA", "abc")];
    let at_run = [("DD_GIT_REPOSITORY_URL", "https://run/time")];
    let expected = (Some(URL.to_owned()), Some("abc".to_owned()));
    assert_eq!(workshop.run(&shop, &at_build, &[]), (expected, vec![]));
    let expected = (Some("https://run/time".to_owned()), Some(head));
    assert_eq!(workshop.run(&shop, &[], &at_run), (expected, vec![]));
    let other = [("DD_MAIN_PACKAGE", "other")];
    assert_eq!(workshop.run(&shop, &[], &other), ((None, None), vec![]));
}

fn broken_repositories(workshop: &Workshop) {
    let (shop, _) = repository(workshop, "broken");
    let place = shop.join(".git");
    let head = place.join("HEAD");
    fs::write(&head, "ref: refs/heads/a").unwrap();
    fs::write(place.join("refs/heads/a"), "ref: refs/heads/b").unwrap();
    fs::write(place.join("refs/heads/b"), "ref: refs/heads/a").unwrap();
    assert!(workshop.warning(&shop).contains("refer to each other"));
    fs::write(&head, vec![b'x'; 1_000_000]).unwrap();
    assert!(workshop.warning(&shop).contains("has more than 16384 bytes"));
    fs::remove_file(&head).unwrap();
    assert!(workshop.warning(&shop).contains("HEAD: is not there"));
    fs::create_dir(&head).unwrap();
    assert!(workshop.warning(&shop).contains("HEAD: is no file"));
    fs::write(place.join("config"), vec![b'x'; 2_000_000]).unwrap();
    assert!(workshop.warning(&shop).contains("config: has more than 1048576 bytes"));

    fs::remove_dir_all(&place).unwrap();
    fs::write(&place, vec![b'x'; 1_000_000]).unwrap();
    assert!(workshop.warning(&shop).contains(".git: has more than 16384 bytes"));
    fs::write(&place, "nonsense").unwrap();
    assert!(workshop.warning(&shop).contains(".git: is neither a directory nor says where"));
    fs::write(&place, "gitdir: .git").unwrap();
    assert!(workshop.warning(&shop).contains("names a directory that is not there"));
    #[cfg(unix)]
    unusual_files(workshop, &shop, &place);
}

/// Nobody ever writes into the pipe: to open it would wait for ever.
#[cfg(unix)]
fn unusual_files(workshop: &Workshop, shop: &Path, place: &Path) {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fs::remove_file(place).unwrap();
    run(Command::new("mkfifo").arg(place));
    assert!(workshop.warning(shop).contains(".git: is no file"));
    fs::remove_file(place).unwrap();
    symlink(".git", place).unwrap();
    assert!(workshop.warning(shop).contains(".git: leads nowhere"));
    fs::remove_file(place).unwrap();
    fs::write(place, "gitdir: .").unwrap();
    fs::set_permissions(place, fs::Permissions::from_mode(0o000)).unwrap();
    // Whoever may read everything reads this as well.
    let may_read = fs::File::open(place).is_ok();
    let said = workshop.warning(shop);
    assert_eq!(said.contains("Permission denied"), !may_read, "{said}");
}
