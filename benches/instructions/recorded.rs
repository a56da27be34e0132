//! The figures that may not be exceeded. `cargo bench --bench instructions -- --record` prints this constant.

use crate::record::Record;

pub(crate) const RECORDED: Record = Record {
    with: "rustc 1.95.0, optimised, x86_64-linux, clock source tsc",
    figures: &[
        ("native: root", 747),
        ("native: root and 9 children", 753),
        ("native: hot", 1441),
        ("opentelemetry: root", 2210),
        ("opentelemetry: hot", 3003),
        ("inject", 4638),
        ("extract", 5057),
    ],
};
