//! The tags that tell about the process.

use super::msgpack::{Buffer, text_pair};
use crate::id;
use crate::text::Text;

/// The tags of the process. Every local root has them; those of the source code are on the first span of each chunk
/// instead.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    /// The encoded tag `runtime-id`: a UUID. A forked process has a new one.
    pub(super) runtime_id: Vec<u8>,
    /// The encoded tag `process_id`.
    pub(super) id: Vec<u8>,
    /// `_dd.hostname`; only if `DD_TRACE_REPORT_HOSTNAME` asks for it.
    pub(super) hostname: Option<Text>,
    pub(super) source_code: SourceCode,
}

/// Where the source code of a program is, as far as it is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct SourceCode {
    /// `_dd.git.repository_url`.
    pub(crate) repository_url: Option<Text>,
    /// `_dd.git.commit.sha`.
    pub(crate) commit_sha: Option<Text>,
}

impl SourceCode {
    /// What is known of it, as tags.
    pub(super) fn tags(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [("_dd.git.repository_url", &self.repository_url), ("_dd.git.commit.sha", &self.commit_sha)]
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.as_deref()?)))
    }
}

impl Process {
    /// The `runtime-id`.
    pub(super) fn runtime_id(&self) -> &str {
        std::str::from_utf8(text_pair(&self.runtime_id).1).unwrap_or_default()
    }

    pub(crate) fn current(hostname: Option<Text>, source_code: SourceCode) -> Self {
        Self::new(&id::uuid(), std::process::id(), hostname, source_code)
    }

    pub(super) fn new(
        runtime_id: &str,
        id: u32,
        hostname: Option<Text>,
        source_code: SourceCode,
    ) -> Self {
        let (mut runtime_entry, mut id_entry) = (Buffer::default(), Buffer::default());
        runtime_entry.raw(b"\xaaruntime-id");
        runtime_entry.text(runtime_id.as_bytes());
        id_entry.raw(b"\xaaprocess_id");
        id_entry.uint(id.into());
        let (runtime_id, id) = (runtime_entry.into_vec(), id_entry.into_vec());
        Process { runtime_id, id, hostname, source_code }
    }
}
