//! What tests of the pipeline share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::{Just, Strategy};
use proptest::strategy::Union;

use super::destination::Destination;
use super::inner::{Inner, Plan, Settings};
use super::long_running::Schedule;
use crate::config::{Endpoint, StatsSettings};
use crate::diag::{Diag, LogLevel};
use crate::encode::SourceCode;
use crate::filter::Filters;
use crate::sampling::{DatadogSampler, SpanSampler};
use crate::trace::Chunk;
use crate::trace::testkit::Bench;

/// A finished trace of so many spans, of which each but the root has so much text.
pub(super) fn chunk(spans: usize, text_bytes: usize) -> Chunk {
    let bench = Bench::with(|shared| shared.set_partial_flush(None));
    let root = bench.span("root").root().start();
    for _ in 1..spans {
        let text = "x".repeat(text_bytes);
        bench.span("child").child_of(&root).tag("fill", text).start().finish();
    }
    drop(root);
    bench.take_chunks().remove(0)
}

/// Something that may happen in a test: how likely it is, its name in what a failed test prints, and what it does.
pub(super) type Step<F> = (u32, &'static str, F);

/// One of these steps.
pub(super) fn one_of<F: Copy + fmt::Debug>(
    steps: &[Step<F>],
) -> impl Strategy<Value = (&'static str, F)> {
    let steps = steps.iter().map(|(weight, name, step)| (*weight, Just((*name, *step))));
    Union::new_weighted(steps.collect())
}

impl Inner {
    /// Without an agent, with an interval that never ends during a test.
    pub(super) fn for_tests(
        queue_bytes: usize,
        max_payload_bytes: usize,
        log: impl Fn(LogLevel, &str) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Inner::new(Self::plan(queue_bytes, max_payload_bytes, log)))
    }

    /// As [`Inner::for_tests`], with another destination than the agent.
    pub(super) fn to(destination: Destination) -> Arc<Self> {
        let plan = Self::plan(1 << 24, 1 << 20, |_, _| ());
        Arc::new(Inner::new(Plan { destination, ..plan }))
    }

    fn plan(
        queue_bytes: usize,
        max_payload_bytes: usize,
        log: impl Fn(LogLevel, &str) + Send + Sync + 'static,
    ) -> Plan {
        let settings = Settings {
            endpoint: Endpoint::parse("http://127.0.0.1:1").unwrap(),
            agent_ca_file: None,
            long_running: Schedule {
                first: Duration::from_secs(10),
                interval: Duration::from_secs(120),
            },
            timeout: Duration::from_secs(2),
            interval: Duration::from_secs(24 * 3600),
            queue_bytes,
            max_payload_bytes,
            api_version: None,
            asks_early: false,
            native_events: false,
            no_stats: false,
            stats: StatsSettings { is_on: true, ..StatsSettings::default() },
            external_env: None,
            hostname: None,
            source_code: SourceCode::default(),
        };
        Plan {
            settings,
            destination: Destination::Agent,
            diag: Arc::new(Diag::new(false, Some(Box::new(log)))),
            sampler: Arc::new(DatadogSampler::builder().build().unwrap()),
            span_sampler: Arc::new(SpanSampler::new([])),
            filters: Filters::default(),
            propagator: Arc::default(),
        }
    }

    /// As [`Inner::for_tests`], where only the room matters, and nobody reads the lines.
    pub(super) fn with_room(queue_bytes: usize) -> Arc<Self> {
        Inner::for_tests(queue_bytes, 1 << 20, |_, _| ())
    }
}
