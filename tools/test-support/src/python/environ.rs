//! All that is taken from the environment of the test process.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

/// Names a Python which has the pinned packages already, to use instead of installing them.
pub(super) const PYTHON: &str = "TRACEHOUND_TEST_PYTHON";

/// The interpreter that [`PYTHON`] names.
pub(super) fn chosen_python() -> Option<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "it chooses the tests' tools, it configures no tracer"
    )]
    let chosen = std::env::var_os(PYTHON);
    chosen.filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// A command which does not see what would change the behaviour of a tracer, of Python or of a
/// loopback request: a test says itself what its peer is configured with.
pub(super) fn isolated(program: impl Into<OsString>) -> Command {
    let mut command = Command::new(program.into());
    #[expect(clippy::disallowed_methods, reason = "to take them away from a child process")]
    for (name, _) in std::env::vars_os() {
        let upper = name.to_string_lossy().to_ascii_uppercase();
        if ["DD_", "_DD_", "OTEL_", "PYTHON"].iter().any(|prefix| upper.starts_with(prefix))
            || upper.ends_with("_PROXY")
        {
            command.env_remove(name);
        }
    }
    command.env("PYTHONNOUSERSITE", "1").env("PYTHONUTF8", "1");
    command
}
