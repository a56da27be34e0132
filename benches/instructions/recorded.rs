//! The figures that may not be exceeded. `cargo bench --bench instructions -- --record` prints this constant.

/// The compiler and the platform that the figures are of, and the instructions of each case.
pub(crate) const RECORDED: (&str, &str, &[(&str, u64)]) = (
    "1.95.0",
    "x86_64-linux",
    &[
        ("native: root", 752),
        ("native: root and 9 children", 745),
        ("native: hot", 1555),
        ("opentelemetry: hot", 2995),
        ("inject", 4624),
        ("extract", 4957),
    ],
);
