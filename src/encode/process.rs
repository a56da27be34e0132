//! What every trace of this process says about the process.

use super::msgpack::Buffer;
use crate::id;
use crate::text::Text;

/// The tags of the process.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    /// `runtime-id`: a UUID, fresh for every process, also for one that was forked.
    pub(crate) runtime_id: Text,
    /// `process_id`.
    pub(crate) id: u32,
    /// `_dd.hostname`; only where `DD_TRACE_REPORT_HOSTNAME` asks for it.
    pub(crate) hostname: Option<Text>,
    /// Where its source code is.
    pub(crate) source_code: SourceCode,
}

/// Where the source code of a program is, as far as it is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct SourceCode {
    /// `_dd.git.repository_url`.
    pub(crate) repository_url: Option<Text>,
    /// `_dd.git.commit.sha`.
    pub(crate) commit_sha: Option<Text>,
}

impl Process {
    pub(crate) fn current(hostname: Option<Text>, source_code: SourceCode) -> Self {
        Process { runtime_id: id::uuid().into(), id: std::process::id(), hostname, source_code }
    }
}

/// The tags that every local root has, as entries; those of the source code are of the first span of each chunk.
#[derive(Debug)]
pub(super) struct ProcessTags {
    pub(super) runtime_id: Buffer,
    pub(super) id: Buffer,
    pub(super) hostname: Option<Text>,
    pub(super) source_code: SourceCode,
}

impl From<Process> for ProcessTags {
    fn from(process: Process) -> Self {
        let (mut runtime_id, mut id) = (Buffer::default(), Buffer::default());
        runtime_id.raw(b"\xaaruntime-id");
        runtime_id.text(process.runtime_id.as_bytes());
        id.raw(b"\xaaprocess_id");
        id.uint(process.id.into());
        let Process { hostname, source_code, .. } = process;
        ProcessTags { runtime_id, id, hostname, source_code }
    }
}
