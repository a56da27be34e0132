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
}

impl Process {
    pub(crate) fn current(hostname: Option<Text>) -> Self {
        Process { runtime_id: id::uuid().into(), id: std::process::id(), hostname }
    }
}

/// The tags that every local root has, as entries.
#[derive(Debug)]
pub(super) struct ProcessTags {
    pub(super) runtime_id: Buffer,
    pub(super) id: Buffer,
    pub(super) hostname: Option<Text>,
}

impl From<Process> for ProcessTags {
    fn from(process: Process) -> Self {
        let (mut runtime_id, mut id) = (Buffer::default(), Buffer::default());
        runtime_id.raw(b"\xaaruntime-id");
        runtime_id.text(process.runtime_id.as_bytes());
        id.raw(b"\xaaprocess_id");
        id.uint(process.id.into());
        ProcessTags { runtime_id, id, hostname: process.hostname }
    }
}
