//! A tracer with the real agent behind it.

use std::cell::Cell;
use std::ffi::OsString;
use std::time::Duration;

use tracehound::config::Environment;
use tracehound::{Tracer, TracerBuilder};
use tracehound_test_support::{Span, TestAgent, within};

use super::{LIMIT, Said};

/// A traced program as far as its agent can tell.
pub struct Service {
    pub agent: TestAgent,
    pub tracer: Tracer,
    said: Said,
    /// Warnings that the test has looked at.
    heard: Cell<usize>,
}

/// No variables.
pub const UNSET: [(&str, &str); 0] = [];

/// Runs a case with a tracer that has these variables and what `build` adds.
///
/// It fails if the agent finds fault with what it got, if spans are lost, and if the tracer warns of what
/// the case does not ask for.
pub fn run<V: Into<OsString>>(
    variables: impl IntoIterator<Item = (&'static str, V)>,
    build: impl FnOnce(TracerBuilder) -> TracerBuilder + Send + 'static,
    case: impl FnOnce(&Service) + Send + 'static,
) {
    run_within(LIMIT, variables, build, case);
}

fn run_within<V: Into<OsString>>(
    limit: Duration,
    variables: impl IntoIterator<Item = (&'static str, V)>,
    build: impl FnOnce(TracerBuilder) -> TracerBuilder + Send + 'static,
    case: impl FnOnce(&Service) + Send + 'static,
) {
    let environment = Environment::from_pairs(variables);
    within(limit, move || {
        let service = Service::start(environment, build);
        case(&service);
        service.tracer.shutdown(LIMIT).unwrap();
        service.agent.assert_no_check_failures();
        assert_eq!(service.warnings(), [""; 0]);
        assert_eq!(service.tracer.losses().total(), 0);
    });
}

/// The same with nothing in code.
pub fn run_with<V: Into<OsString>>(
    variables: impl IntoIterator<Item = (&'static str, V)>,
    case: impl FnOnce(&Service) + Send + 'static,
) {
    run(variables, |builder| builder, case);
}

/// The same for a case that starts another program, which takes its time on a busy machine.
pub fn run_with_peer<V: Into<OsString>>(
    variables: impl IntoIterator<Item = (&'static str, V)>,
    case: impl FnOnce(&Service) + Send + 'static,
) {
    run_within(Duration::from_secs(90), variables, |builder| builder, case);
}

impl Service {
    fn start(environment: Environment, build: impl FnOnce(TracerBuilder) -> TracerBuilder) -> Self {
        let (agent, said) = (TestAgent::start(), Said::default());
        let builder = Tracer::builder().environment(environment).service("shop");
        let builder = builder.agent_url(agent.url()).log(said.listener());
        let tracer = build(builder.flush_interval(Duration::from_secs(3600))).build();
        Service { agent, tracer, said, heard: Cell::new(0) }
    }

    /// Sends what has finished, and gives all that the agent has.
    pub fn spans(&self) -> Vec<Span> {
        self.tracer.flush(LIMIT).unwrap();
        self.agent.spans()
    }

    /// The only span of this name.
    #[track_caller]
    pub fn span(&self, name: &str) -> Span {
        let mut found = self.spans();
        found.retain(|span| span.name == name);
        assert_eq!(found.len(), 1, "spans {name:?}");
        found.remove(0)
    }

    /// The warnings that were not asked for yet.
    pub fn warnings(&self) -> Vec<String> {
        let warnings = self.said.warnings();
        warnings.get(self.heard.replace(warnings.len())..).unwrap_or_default().to_vec()
    }
}
