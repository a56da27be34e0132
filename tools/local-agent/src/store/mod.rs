//! The latest traces and findings, in bounded memory.

mod counts;
mod entry;
mod limits;
mod report;
mod traces;

pub use counts::Counts;
pub use limits::Limits;
pub use report::Report;
pub use traces::Store;
