//! The tags that tell about the process.

use tracehound_fork::PerProcess;

use super::msgpack::Buffer;
use crate::id;
use crate::text::Text;

/// The tags of the process. Every local root has them; those of the program are on the first span of each chunk instead.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    /// A UUID. A forked process has a new one.
    id_text: String,
    /// The encoded tag `runtime-id`.
    pub(super) runtime_id: Vec<u8>,
    /// The encoded tag `process_id`.
    pub(super) id: Vec<u8>,
    /// `_dd.hostname`; only if `DD_TRACE_REPORT_HOSTNAME` asks for it.
    pub(super) hostname: Option<Text>,
    pub(super) source_code: SourceCode,
}

/// What is told of a program on the first span of each chunk: where its source code is, as far as that is known, and
/// which of its processes this is.
#[derive(Clone, Debug, Default)]
pub(crate) struct SourceCode {
    /// `_dd.git.repository_url`.
    pub(crate) repository_url: Option<Text>,
    /// `_dd.git.commit.sha`.
    pub(crate) commit_sha: Option<Text>,
    /// `_dd.tags.process`.
    pub(crate) process_tags: Option<Text>,
}

impl SourceCode {
    /// What is known of it, as tags.
    pub(super) fn tags(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("_dd.git.repository_url", &self.repository_url),
            ("_dd.git.commit.sha", &self.commit_sha),
            ("_dd.tags.process", &self.process_tags),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.as_deref()?)))
    }
}

impl Process {
    pub(crate) fn current(hostname: Option<Text>, source_code: SourceCode) -> Self {
        // One for all tracers of the process, and for what takes their place.
        static RUNTIME_ID: PerProcess<String> = PerProcess::new();
        let runtime_id = RUNTIME_ID.get_or_make(id::uuid);
        Self::new(runtime_id, std::process::id(), hostname, source_code)
    }

    pub(super) fn new(
        id_text: &str,
        id: u32,
        hostname: Option<Text>,
        source_code: SourceCode,
    ) -> Self {
        let (mut runtime_entry, mut id_entry) = (Buffer::default(), Buffer::default());
        runtime_entry.raw(b"\xaaruntime-id");
        runtime_entry.text(id_text.as_bytes());
        id_entry.raw(b"\xaaprocess_id");
        id_entry.uint(id.into());
        let (runtime_id, id) = (runtime_entry.into_vec(), id_entry.into_vec());
        Process { id_text: id_text.to_owned(), runtime_id, id, hostname, source_code }
    }

    /// The UUID of the process.
    pub(crate) fn runtime_id(&self) -> &str {
        &self.id_text
    }

    pub(crate) fn hostname(&self) -> Option<&str> {
        self.hostname.as_deref()
    }

    pub(crate) fn commit_sha(&self) -> Option<&str> {
        self.source_code.commit_sha.as_deref()
    }
}
