//! How good Tracehound has to be, and whether it is.

use crate::findings::Findings;
use crate::peers::BASE;
use crate::table::number;

enum Bar {
    /// At most so much of what [`BASE`] takes in the same run.
    Ratio(f64),
    AtMost(f64),
    AtLeast(f64),
}

use Bar::{AtLeast, AtMost, Ratio};

/// What is measured, of whom, and the bar.
const BARS: [(&str, &str, &str, Bar); 26] = [
    ("`hot`, time of the application's thread", "hot", "native", Ratio(0.30)),
    ("`hot`, time of the application's thread", "hot", "otel", Ratio(0.50)),
    ("`root`, time of the application's thread", "root", "native", Ratio(0.10)),
    ("`root`, time of the application's thread", "root", "otel", Ratio(0.14)),
    ("`hot` on two threads, throughput of one thread", "scaling", "native", AtLeast(1.8)),
    ("`hot` on two threads, throughput of one thread", "scaling", "otel", AtLeast(1.8)),
    ("20,000 spans a second, processor time of the process", "paced", "native", Ratio(0.40)),
    ("20,000 traces of one span a second, the same", "paced-root", "native", Ratio(0.25)),
    ("bytes for a span", "bytes", "native", Ratio(0.50)),
    ("bytes for a span", "bytes-by", "v0.4", Ratio(0.55)),
    ("bytes for a span", "bytes-by", "v0.5", Ratio(0.33)),
    ("bytes for a span", "bytes-by", "v1.0", Ratio(0.33)),
    ("peak memory under 20,000 spans a second", "peak", "native", Ratio(0.30)),
    ("sampling rate 0, time of the application's thread", "unsampled", "native", Ratio(0.40)),
    ("inject", "inject", "native", Ratio(0.20)),
    ("extract", "extract", "native", Ratio(0.12)),
    ("1,000 traces at once, percent delivered", "burst", "native", AtLeast(100.0)),
    ("shutdown behind 1,000 traces", "shutdown", "native", Ratio(0.15)),
    ("slow agent, MiB above the start", "slow-memory", "native", AtMost(64.0)),
    ("slow agent, longest trace in ms", "slow-stall", "native", AtMost(10.0)),
    ("silent agent, MiB above the start", "silent-memory", "native", AtMost(64.0)),
    ("silent agent, longest trace in ms", "silent-stall", "native", AtMost(10.0)),
    ("crates with default features", "crates", "native", AtMost(70.0)),
    ("crates with default features", "crates", "otel", AtMost(70.0)),
    ("size of the stripped program", "size", "native", Ratio(0.35)),
    ("processor time of a clean release build", "build", "native", Ratio(0.40)),
];

pub(crate) fn table(findings: &Findings) -> String {
    let mut text = format!(
        "\n## Bars\n\nWhere a ratio is asked for, it is to `{BASE}`.\n\n| | | bar | found | |\n| --- | --- | ---: | ---: | --- |\n"
    );
    for (name, measure, peer, bar) in &BARS {
        let found = match bar {
            Ratio(_) => findings
                .get(measure, peer)
                .zip(findings.get(measure, BASE))
                .map(|(own, base)| own / base),
            AtMost(_) | AtLeast(_) => findings.get(measure, peer),
        };
        let (bar, is_met) = match *bar {
            Ratio(limit) => (format!("≤ {limit:.2}"), found.map(|found| found <= limit)),
            AtMost(limit) => (format!("≤ {limit}"), found.map(|found| found <= limit)),
            AtLeast(limit) => (format!("≥ {limit}"), found.map(|found| found >= limit)),
        };
        let verdict = match is_met {
            None => "not measured",
            Some(true) => "met",
            Some(false) => "**missed**",
        };
        let found = found.map(|found| number(found, 2)).unwrap_or_default();
        text += &format!("| {name} | {peer} | {bar} | {found} | {verdict} |\n");
    }
    text
}
