//! The context of a trace in the headers of a request.

use crate::Result;
use crate::process::Start;
use crate::rounds::Field;
use crate::run::Run;
use crate::table::Table;

const WORKLOADS: [(&str, &str); 3] = [
    ("inject", "inject"),
    ("inject-map", "inject into a `HeaderMap`"),
    ("extract", "extract from a `HeaderMap`"),
];

const TIMES: usize = 2000;

pub(crate) fn section(run: &mut Run) -> Result<String> {
    let peers = run.peers(|peer| peer.sends_unsampled);
    let mut time = Table::new(
        "Propagation",
        "Nanoseconds of processor time, in the styles of Datadog and of W3C Trace Context; in brackets the \
         ratio to `datadog`. `inject` is into a carrier that drops the headers: the propagator alone. Peers \
         that do not know both styles are left out.",
        &peers,
    );
    let mut field = Field::start(&run.binaries, &peers, Start::default())?;
    let counting = Start { counting: true, ..Start::default() };
    let mut counted = Field::start(&run.binaries, &peers, counting)?;
    for (workload, name) in WORKLOADS {
        let command = format!("run {workload} 20 {TIMES}");
        let values = field.medians(&command, run.arguments.rounds, "cpu", TIMES as f64)?;
        time.ratios(&format!("{name}, ns"), 0, &values);
        time.record(&mut run.findings, workload, &values);
    }
    for (workload, name) in WORKLOADS {
        let command = format!("allocations {workload} 100");
        let values = counted.medians(&command, 3, "count", 100.0)?;
        time.ratios(&format!("{name}, allocations"), 0, &values);
    }
    Ok(time.text())
}
