//! A crate that was packaged by cargo, which notes the commit beside it.

use std::path::Path;

use crate::files::{Files, Problem};
use crate::found::{Found, is_object_id};

const NAME: &str = ".cargo_vcs_info.json";
const MAX_BYTES: u64 = 64 * 1024;

/// What cargo noted when it packaged the crate; `None` where the crate was not packaged.
///
/// It is asked first: a package may be unpacked below a repository of somebody else.
pub(crate) fn read(
    manifest: &Path,
    repository: Option<String>,
    files: &mut Files,
) -> Result<Option<Found>, Problem> {
    let Some(text) = files.text(&manifest.join(NAME), MAX_BYTES)? else { return Ok(None) };
    let commit = commit(&text);
    Ok(Some(Found { url: repository.filter(|_| commit.is_some()), commit }))
}

/// The commit in `{"git": {"sha1": ".."}}`. It is the only text in the file that is an object id.
fn commit(json: &str) -> Option<String> {
    let (_, rest) = json.split_once("\"sha1\"")?;
    let value = rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let (value, _) = value.split_once('"')?;
    is_object_id(value).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commit_is_found_in_what_cargo_writes() {
        let sha = "0123456789abcdef0123456789abcdef01234567";
        let json =
            format!("{{\n  \"git\": {{\n    \"sha1\": \"{sha}\",\n    \"dirty\": true\n  }}\n}}");
        assert_eq!(commit(&json).as_deref(), Some(sha));
        for broken in ["", "{}", "{\"git\":{\"sha1\":7}}", "{\"git\":{\"sha1\":\"x\"}}", "\"sha1\""]
        {
            assert_eq!(commit(broken), None, "{broken}");
        }
    }
}
