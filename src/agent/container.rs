//! Which container this process runs in, as far as it can see that itself (Linux only).
//!
//! The agent adds the tags of the container to what comes with these ids (Datadog agent protocol, "container and entity
//! id").

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::path::Path;

use tracehound_fork::WriteOnce;
use tracehound_machine::read_beginning;

/// The inode of the host's cgroup namespace (`PROC_CGROUP_INIT_INO` of the Linux kernel).
const HOST_CGROUP_NAMESPACE: u64 = 0xEFFF_FFFB;

const MAX_CGROUP_BYTES: u64 = 64 * 1024;

/// Inodes up to this one are of the root of a mount, not of the cgroup of a container.
const LAST_ROOT_INODE: u64 = 2;

/// What identifies the container of this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ContainerOrigin {
    /// The container's own id, where the process can see it.
    pub(super) container_id: Option<String>,
    /// `ci-<container id>`, or `in-<inode>` of the cgroup, from which the agent finds the container.
    pub(super) entity_id: Option<String>,
}

impl ContainerOrigin {
    /// The origin of this process. It is found out at the first call.
    pub(crate) fn of_process() -> &'static Self {
        static ORIGIN: WriteOnce<ContainerOrigin> = WriteOnce::new();
        ORIGIN.get_or_make(|| {
            let cgroup = read_cgroup().unwrap_or_default();
            Self::detect(&cgroup, &inode)
        })
    }

    /// Reads the text of `/proc/self/cgroup`; `inode` is that of a path, if there is such a file.
    fn detect(cgroup: &str, inode: &dyn Fn(&Path) -> Option<u64>) -> Self {
        let lines = || cgroup.lines().filter_map(parse_line);
        if let Some(id) = lines().find_map(|(_, path)| container_id(path)) {
            let entity_id = Some(format!("ci-{id}"));
            return ContainerOrigin { container_id: Some(id.into()), entity_id };
        }
        // The process is in the host's cgroup namespace, so its inode is not that of a container.
        if inode(Path::new("/proc/self/ns/cgroup")) == Some(HOST_CGROUP_NAMESPACE) {
            return ContainerOrigin::default();
        }
        let inode_of = |mount: &str, path: &str| {
            inode(Path::new(&format!("/sys/fs/cgroup{mount}{path}")))
                .filter(|inode| *inode > LAST_ROOT_INODE)
        };
        let is_memory = |controllers: &str| controllers.split(',').any(|name| name == "memory");
        let memory = lines().find(|(controllers, _)| is_memory(controllers));
        let unified = lines().find(|(controllers, _)| controllers.is_empty());
        let found = memory
            .and_then(|(_, path)| inode_of("/memory", path))
            .or_else(|| unified.and_then(|(_, path)| inode_of("", path)));
        ContainerOrigin { container_id: None, entity_id: found.map(|inode| format!("in-{inode}")) }
    }
}

/// The controllers and the path in a line of a cgroup file: `<hierarchy>:<controllers>:<path>`.
fn parse_line(line: &str) -> Option<(&str, &str)> {
    let (hierarchy, rest) = line.split_once(':')?;
    rest.split_once(':').filter(|(_, path)| is_number(hierarchy) && !path.is_empty())
}

/// The id at the end of a cgroup's path, where runtimes put it: `<id>`, `<id>.scope` or `<id>.scope/<name>`.
fn container_id<'a>(path: &'a str) -> Option<&'a str> {
    let path = path.trim_end_matches(' ');
    let is_name = |name: &str| !name.is_empty() && !name.contains([' ', '\t']);
    let parent = path.rsplit_once('/').filter(|(_, name)| is_name(name)).map(|(parent, _)| parent);
    let id_of_scope = |scope: &'a str| scope.strip_suffix(".scope").and_then(id_suffix);
    parent.and_then(id_of_scope).or_else(|| id_of_scope(path)).or_else(|| id_suffix(path))
}

/// The id that ends a text, in the forms that runtimes give one: the hash and number of a Fargate task, a
/// UUID, a UUID without its last group (Garden), or 64 digits.
fn id_suffix(text: &str) -> Option<&str> {
    task_suffix(text)
        .or_else(|| last(text, 36).filter(|id| is_groups(id, &['-', '_'], &[8, 4, 4, 4, 12])))
        .or_else(|| last(text, 28).filter(|id| is_groups(id, &['-'], &[8, 4, 4, 4, 4])))
        .or_else(|| last(text, 64).filter(|id| is_hex(id)))
}

/// 32 hexadecimal digits, a hyphen and a number.
fn task_suffix(text: &str) -> Option<&str> {
    let (before, number) = text.rsplit_once('-')?;
    last(before, 32).filter(|hash| is_hex(hash) && is_number(number))?;
    last(text, number.len().saturating_add(33))
}

/// The last `len` bytes; `None` if there are fewer, or if they begin inside a character.
fn last(text: &str, len: usize) -> Option<&str> {
    text.get(text.len().checked_sub(len)?..)
}

fn is_groups(text: &str, separators: &[char], lengths: &[usize]) -> bool {
    let groups = text.split(separators).map(|group| is_hex(group).then_some(group.len()));
    groups.eq(lengths.iter().map(|length| Some(*length)))
}

/// Lower case only: no runtime writes the other.
fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Reads `/proc/self/cgroup`, which only Linux has. No real one comes near the limit.
fn read_cgroup() -> Option<String> {
    let bytes = read_beginning("/proc/self/cgroup", MAX_CGROUP_BYTES).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(unix)]
fn inode(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt as _;
    path.metadata().ok().map(|metadata| metadata.ino())
}

#[cfg(not(unix))]
fn inode(_: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "3726184226f5d3147c25fdeab5b60097e378e8a720503a5e19ecfdf29f869860";

    fn origin(cgroup: &str, inodes: &[(&str, u64)]) -> (Option<String>, Option<String>) {
        let inode = |path: &Path| {
            inodes.iter().find(|(known, _)| Path::new(known) == path).map(|(_, inode)| *inode)
        };
        let origin = ContainerOrigin::detect(cgroup, &inode);
        (origin.container_id, origin.entity_id)
    }

    #[test]
    fn the_vectors_hold() {
        let vectors = include_str!("../../tests/vectors/container-id.json");
        let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
        for case in vectors["cases"].as_array().unwrap() {
            let (id, _) = origin(case["line"].as_str().unwrap(), &[]);
            assert_eq!(id.as_deref(), case["container_id"].as_str(), "{case}");
        }
    }

    #[test]
    fn an_id_stands_at_the_end_of_the_path() {
        let uuid = "34dc0b5e-626f-2c5c-4c51-70e34b10e765";
        let garden = "34dc0b5e-626f-2c5c-4c51-70e3";
        let task = "34dc0b5e626f2c5c4c5170e34b10e765-1234567890";
        for after in ["", "  ", ".scope", ".scope ", ".scope/init", &format!(".scope/{uuid}")] {
            assert_eq!(container_id(&format!("/x/{ID}{after}")), Some(ID), "{after:?}");
        }
        // Of more digits than an id has, the last ones count, as for a search for the pattern.
        for before in ["", "/é", "/a:b/", "/ff", &format!("/x/{task}")] {
            assert_eq!(container_id(&format!("{before}{ID}")), Some(ID), "{before:?}");
        }
        for id in [uuid, &uuid.replace('-', "_"), garden, task] {
            assert_eq!(container_id(&format!("/x/{id}")), Some(id));
        }
        for after in [".scope/a/b", ".scope/", ".scope/a\tb", ".service", "\t"] {
            assert_eq!(container_id(&format!("/x/{ID}{after}")), None, "{after:?}");
        }
        for other in [
            &format!("/x/{}", garden.replace('-', "_")),
            &format!("/x/{}", ID.to_uppercase()),
            "34dc0b5e626f2c5c4c5170e34b10e765-",
            "34dc0b5e626f2c5c4c5170e34b10e765-12a",
            &"é".repeat(40),
            "",
        ] {
            assert_eq!(container_id(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_line_that_is_none_is_passed_over() {
        for bad in
            [&format!(":memory:/{ID}"), &format!("x:memory:/{ID}"), &format!("1:/{ID}"), "1::"]
        {
            assert_eq!(origin(bad, &[]), (None, None), "{bad}");
            let (id, _) = origin(&format!("{bad}\n2:cpu:/{ID}\n1:a:/{}", "0".repeat(64)), &[]);
            assert_eq!(id.as_deref(), Some(ID));
        }
    }

    #[test]
    fn the_entity_is_the_container_or_the_inode_of_its_cgroup() {
        let v1 = ("/sys/fs/cgroup/memory/a", 11);
        let v2 = ("/sys/fs/cgroup/b", 12);
        let both = "5:cpu,memory:/a\n0::/b";
        let container = format!("0::/{ID}");
        let host = ("/proc/self/ns/cgroup", HOST_CGROUP_NAMESPACE);
        let own = ("/proc/self/ns/cgroup", 4026532999);
        for (cgroup, inodes, expected) in [
            (container.as_str(), &[host, v2][..], Some(format!("ci-{ID}"))),
            (both, &[own, v1, v2], Some("in-11".into())),
            (both, &[v1, v2], Some("in-11".into())),
            (both, &[own, v2], Some("in-12".into())),
            (both, &[host, v1, v2], None),
            (both, &[own], None),
            ("0::/", &[own, ("/sys/fs/cgroup/", 99)], Some("in-99".into())),
            ("0::/", &[own, ("/sys/fs/cgroup/", 2)], None),
            ("5:cpu:/a\n6:memory_x:/a", &[own, v1], None),
            ("", &[own, v1, v2], None),
        ] {
            assert_eq!(origin(cgroup, inodes).1, expected, "{cgroup:?} {inodes:?}");
        }
    }

    #[test]
    fn this_process_has_one_answer() {
        assert_eq!(ContainerOrigin::of_process(), ContainerOrigin::of_process());
    }

    proptest! {
        #[test]
        fn no_cgroup_file_is_too_strange(cgroup in any::<String>()) {
            origin(&cgroup, &[]);
        }

        #[test]
        fn every_id_is_found_wherever_it_hangs(
            before in "(/[a-z0-9é_.-]{0,9}){0,3}/([a-z]+-)?",
            id in "[0-9a-f]{64}|[0-9a-f]{8}([-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}\
                   |[0-9a-f]{8}(-[0-9a-f]{4}){4}|[0-9a-f]{32}-[0-9]{1,20}",
            after in "(\\.scope(/[a-z.-]{1,9})?)? {0,2}",
        ) {
            let (found, entity) = origin(&format!("3:cpu:{before}{id}{after}"), &[]);
            prop_assert_eq!(found, Some(id.clone()));
            prop_assert_eq!(entity, Some(format!("ci-{id}")));
        }
    }
}
