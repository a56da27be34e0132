//! The figures that may not be exceeded. `cargo bench --bench instructions -- --record` prints this constant.

use crate::record::Record;

pub(crate) const RECORDED: Record = Record {
    with: "rustc 1.95.0, optimised, x86_64-linux, clock source tsc",
    figures: &[
        ("native: root", 758),
        ("native: root, five filters", 758),
        ("native: root, a start hook", 871),
        ("native: root and 9 children", 774),
        ("native: hot", 1510),
        ("native: in_span", 1024),
        ("native: wrap_fn", 1028),
        ("native: #[wrap]", 1013),
        ("native: #[wrap] of a Result", 1028),
        ("integration: root", 1821),
        ("integration: off", 22),
        ("opentelemetry: root", 2282),
        ("opentelemetry: hot", 2961),
        ("opentelemetry: hot, ended well", 3069),
        ("opentelemetry: 30 attributes", 10978),
        ("statistics: request", 2033),
        ("statistics: call", 3410),
        ("inject", 4759),
        ("extract", 4562),
        ("http: server", 7215),
        ("http: server, query", 8037),
        ("http: client", 6865),
        ("encode v0.4: hot", 1797),
        ("encode v0.5: hot", 1653),
        ("encode v1.0: hot", 1556),
        ("encode v0.4: no literals", 2138),
        ("encode v0.5: no literals", 2474),
        ("encode v1.0: no literals", 2416),
    ],
};
