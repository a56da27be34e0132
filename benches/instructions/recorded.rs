//! The figures that may not be exceeded. `cargo bench --bench instructions -- --record` prints this constant.

use crate::record::Record;

pub(crate) const RECORDED: Record = Record {
    with: "rustc 1.95.0, optimised, x86_64-linux, clock source tsc",
    figures: &[
        ("native: root", 738),
        ("native: root and 9 children", 758),
        ("native: hot", 1483),
        ("opentelemetry: root", 2210),
        ("opentelemetry: hot", 2938),
        ("inject", 4733),
        ("extract", 4550),
        ("http: server", 7218),
        ("http: server, query", 8252),
        ("http: client", 6688),
    ],
};
