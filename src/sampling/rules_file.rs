//! Rules that are in a file and not in the setting itself.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::config::Redacted;

/// The longest file of rules that is read. Thousands of rules fit, and a wrong path (a device, a log) does
/// not fill the memory.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The text of a file of rules; on failure, what to tell the user.
pub(crate) fn read_rules_file(path: &Path) -> Result<String, String> {
    let problem = |problem: &dyn std::fmt::Display| {
        format!("{}: {problem}", Redacted(&path.to_string_lossy()))
    };
    // Before it is opened: opening a pipe waits for its writer.
    let metadata = path.metadata().map_err(|error| problem(&error))?;
    if !metadata.is_file() {
        return Err(problem(&"not a file"));
    }
    let file = File::open(path).map_err(|error| problem(&error))?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| problem(&error))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(problem(&format_args!("larger than {MAX_FILE_BYTES} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| problem(&"not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use tempfile::TempDir;

    fn file(folder: &TempDir, name: &str, content: &[u8]) -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    #[test]
    fn a_file_is_read_up_to_its_limit_and_a_problem_names_it() {
        let folder = TempDir::new().unwrap();
        let limit = usize::try_from(MAX_FILE_BYTES).unwrap();
        let full = file(&folder, "full", &vec![b' '; limit]);
        assert_eq!(read_rules_file(&full).unwrap().len(), limit);
        for (path, problem) in [
            (file(&folder, "over", &vec![b' '; limit + 1]), "over: larger than 1048576 bytes"),
            (file(&folder, "binary", b"[\xff]"), "binary: not UTF-8"),
            (folder.path().to_owned(), ": not a file"),
        ] {
            let found = read_rules_file(&path).unwrap_err();
            assert!(found.ends_with(problem), "{found}");
        }
        // What follows is the system's own text.
        assert!(read_rules_file(&folder.path().join("none")).unwrap_err().contains("none: "));
    }
}
