//! The figures that may not be exceeded. `cargo bench --bench instructions -- --record` prints this constant.

use crate::record::Record;

pub(crate) const RECORDED: Record = Record {
    with: "rustc 1.95.0, optimised, x86_64-linux, clock source tsc",
    figures: &[
        ("native: root", 753),
        ("native: root and 9 children", 709),
        ("native: hot", 1512),
        ("opentelemetry: root", 2154),
        ("opentelemetry: hot", 2896),
        ("inject", 4646),
        ("extract", 4983),
    ],
};
