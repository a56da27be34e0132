//! The figures that may not be exceeded. `cargo bench --bench instructions -- --record` prints this constant.

/// The compiler and the platform that the figures are of, and the instructions of each case.
pub(crate) const RECORDED: (&str, &str, &[(&str, u64)]) = (
    "1.95.0",
    "x86_64-linux",
    &[
        ("native: root", 1654),
        ("native: root and 9 children", 1216),
        ("native: hot", 2589),
        ("opentelemetry: hot", 4916),
        ("inject", 6576),
        ("extract", 5558),
    ],
);
