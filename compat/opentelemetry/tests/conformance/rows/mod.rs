//! The table, by what its rows are about.

mod attributes;
mod contexts;
mod ends;
mod events_and_links;
mod limits;
mod names;
mod parents;
mod status;

use super::table::Row;

pub(crate) fn all() -> Vec<Row> {
    let tables = [
        attributes::rows(),
        contexts::rows(),
        ends::rows(),
        events_and_links::rows(),
        limits::rows(),
        names::rows(),
        parents::rows(),
        status::rows(),
    ];
    tables.into_iter().flatten().collect()
}

/// A time of the past, so that it is not taken for a clock's.
pub(crate) fn at(seconds: u64) -> std::time::SystemTime {
    std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000 + seconds)
}
