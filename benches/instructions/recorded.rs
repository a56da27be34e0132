//! The figures that may not be exceeded. `cargo bench --bench instructions -- --record` prints this constant.

use crate::record::Record;

pub(crate) const RECORDED: Record = Record {
    with: "rustc 1.95.0, optimised, x86_64-linux, clock source tsc",
    figures: &[
        ("native: root", 741),
        ("native: root and 9 children", 748),
        ("native: hot", 1436),
        ("opentelemetry: root", 2169),
        ("opentelemetry: hot", 2958),
        ("inject", 4639),
        ("extract", 5131),
    ],
};
