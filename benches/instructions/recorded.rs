//! The figures that may not be exceeded. `cargo bench --bench instructions -- --record` prints this constant.

use crate::record::Record;

pub(crate) const RECORDED: Record = Record {
    with: "rustc 1.95.0, optimised, x86_64-linux, clock source tsc",
    figures: &[
        ("native: root", 738),
        ("native: root, five filters", 756),
        ("native: root, a start hook", 897),
        ("native: root and 9 children", 758),
        ("native: hot", 1483),
        ("native: in_span", 999),
        ("native: wrap_fn", 1003),
        ("native: #[wrap]", 988),
        ("native: #[wrap] of a Result", 1003),
        ("integration: root", 1787),
        ("integration: off", 33),
        ("opentelemetry: root", 2210),
        ("opentelemetry: hot", 2938),
        ("opentelemetry: hot, ended well", 3037),
        ("opentelemetry: 30 attributes", 11078),
        ("inject", 4733),
        ("extract", 4550),
        ("statistics: request", 2045),
        ("statistics: call", 3433),
        ("http: server", 7218),
        ("http: server, query", 8252),
        ("http: client", 6688),
        ("encode v0.4: hot", 1799),
        ("encode v0.5: hot", 1787),
        ("encode v1.0: hot", 1811),
        ("encode v0.4: no literals", 2147),
        ("encode v0.5: no literals", 2624),
        ("encode v1.0: no literals", 2668),
    ],
};
