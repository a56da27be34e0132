//! Spans that stay open while thousands of others of their trace come and go: none of the others is lost.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used)]

mod common;

use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, within};

use common::{LIMIT, Said};

/// What waits in the queue counts with its room: parts that held a vacant slot for every span that was once open would
/// fill it with a few hundred spans.
#[test]
fn one_that_started_last_of_many_costs_the_later_ones_nothing() {
    within(LIMIT, || {
        let (agent, said) = (FaultAgent::start(scripts::healthy), Said::default());
        let tracer = common::builder(&agent.url(), &said).build();
        let root = tracer.start_span("job");
        let mut open: Vec<_> =
            (0..10_000).map(|_| tracer.span("task").child_of(&*root).start()).collect();
        let last = open.pop();
        drop(open);
        tracer.flush(LIMIT).unwrap();
        // More than the queue could hold of parts with ten thousand slots, and no flush in between.
        for _ in 0..10_000 {
            tracer.span("short").child_of(&*root).start().finish();
        }
        drop((last, root));
        tracer.flush(LIMIT).unwrap();
        assert_eq!(tracer.losses().total(), 0, "{:?}", said.warnings());
        assert_eq!(agent.spans().len(), 20_001);
    });
}
