//! The figures that may not be exceeded. `cargo bench --bench instructions -- --record` prints this constant.

/// The compiler and the platform that the figures are of, and the instructions of each case.
pub(crate) const RECORDED: (&str, &str, &[(&str, u64)]) = (
    "1.95.0",
    "x86_64-linux",
    &[
        ("native: root", 1499),
        ("native: root and 9 children", 1181),
        ("native: hot", 2570),
        ("opentelemetry: hot", 4863),
        ("inject", 4612),
        ("extract", 4996),
    ],
);
