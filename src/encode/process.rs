//! What every trace of this process says about the process.

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
