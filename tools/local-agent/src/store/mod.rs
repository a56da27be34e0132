//! The latest traces and findings, in bounded memory.
//!
//! `Store` knows neither threads nor clocks: it is told the time, and `server` locks it. Its bounds are `Limits`; what
//! it throws away for them is in `Counts`.

mod counts;
mod entry;
mod limits;
mod report;
mod traces;

pub use counts::Counts;
pub use limits::Limits;
pub use report::Report;
pub use traces::Store;
