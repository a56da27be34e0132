//! The tags by which Datadog tells the processes of a service apart: `_dd.tags.process`.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::text::Text;

/// Characters of a value at the most.
const MAX_CHARS: usize = 100;

/// The tags of this process, `key:value` in the order of the keys, with commas between them.
///
/// Where nobody has named the service, its name is `inferred_service`, or that of the executable.
pub(crate) fn process_tags(is_service_named: bool, inferred_service: Option<&str>) -> Text {
    let (executable, directory) = (env::current_exe().ok(), env::current_dir().ok());
    Text::from(joined(executable.as_deref(), directory, is_service_named, inferred_service))
}

fn joined(
    executable: Option<&Path>,
    directory: Option<PathBuf>,
    is_service_named: bool,
    inferred_service: Option<&str>,
) -> String {
    let text = |name: Option<&OsStr>| name.map(|name| name.to_string_lossy().into_owned());
    let name = text(executable.and_then(Path::file_stem));
    let inferred = inferred_service.map(str::to_owned).or_else(|| name.clone());
    let service = match is_service_named {
        true => ("svc.user", Some("true".to_owned())),
        false => ("svc.auto", inferred),
    };
    let tags = [
        ("entrypoint.basedir", text(executable.and_then(Path::parent).and_then(Path::file_name))),
        ("entrypoint.name", name),
        ("entrypoint.type", Some("executable".to_owned())),
        ("entrypoint.workdir", text(directory.as_deref().and_then(Path::file_name))),
        service,
    ];
    let tags = tags.into_iter().filter_map(|(key, value)| Some((key, normalized(&value?)?)));
    tags.map(|(key, value)| format!("{key}:{value}")).collect::<Vec<_>>().join(",")
}

/// A value as Datadog's agent would make it; `None` where it says nothing.
fn normalized(value: &str) -> Option<String> {
    let is_kept = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '.');
    let mut normal = String::new();
    let lower = value.chars().flat_map(char::to_lowercase);
    for c in lower.map(|c| if is_kept(c) { c } else { '_' }) {
        if c != '_' || !normal.ends_with('_') {
            normal.push(c);
        }
    }
    let end = normal.char_indices().nth(MAX_CHARS).map_or(normal.len(), |(end, _)| end);
    normal.truncate(end);
    let normal = normal.trim_end_matches('_');
    (!matches!(normal, "" | "/" | "bin")).then(|| normal.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tag_is_there_where_it_says_something() {
        let shop = Some(Path::new("/srv/My Shop/Shop Server.exe"));
        for (executable, directory, is_named, inferred, expected) in [
            (
                shop,
                "/home/shop",
                true,
                None,
                "entrypoint.basedir:my_shop,entrypoint.name:shop_server,entrypoint.type:executable,\
                 entrypoint.workdir:shop,svc.user:true",
            ),
            (
                Some(Path::new("/usr/bin/shop")),
                "/",
                false,
                None,
                "entrypoint.name:shop,entrypoint.type:executable,svc.auto:shop",
            ),
            (
                Some(Path::new("/usr/bin/shop")),
                "/",
                false,
                Some("Function"),
                "entrypoint.name:shop,entrypoint.type:executable,svc.auto:function",
            ),
            (None, "", false, None, "entrypoint.type:executable"),
        ] {
            assert_eq!(joined(executable, Some(directory.into()), is_named, inferred), expected);
        }
        assert!(
            process_tags(true, None).contains("entrypoint.type:executable,entrypoint.workdir:")
        );
    }

    #[test]
    fn values_are_as_the_agent_would_make_them() {
        for (value, expected) in [
            ("Shop", Some("shop")),
            ("a:b,c d", Some("a_b_c_d")),
            ("a__b  __c", Some("a_b_c")),
            ("_a_", Some("_a")),
            ("a-b/c.d", Some("a-b/c.d")),
            ("Größe", Some("größe")),
            ("bin", None),
            ("/", None),
            ("\\", None),
            ("", None),
            (" ! ", None),
        ] {
            assert_eq!(normalized(value).as_deref(), expected, "{value}");
        }
        assert_eq!(normalized(&"é".repeat(300)), Some("é".repeat(100)));
        assert_eq!(normalized(&format!("{} b", "a".repeat(99))), Some("a".repeat(99)));
    }
}
