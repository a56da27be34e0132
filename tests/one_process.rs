//! Several tracers in one process, and the one that is the process's own.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::time::Duration;

use tracehound::{Tracer, testing};
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, within};

use common::{LIMIT, Said};

fn names(agent: &FaultAgent) -> Vec<(String, String)> {
    agent.spans().into_iter().map(|span| (span.service, span.name)).collect()
}

#[test]
fn two_tracers_send_their_own_traces_to_their_own_agents() {
    within(LIMIT, || {
        let agents = [FaultAgent::start(scripts::healthy), FaultAgent::start(scripts::healthy)];
        let tracers: Vec<Tracer> = ["one", "two"]
            .iter()
            .zip(&agents)
            .map(|(name, agent)| {
                common::builder(&agent.url(), &Said::default()).service(*name).build()
            })
            .collect();
        for tracer in &tracers {
            tracer.in_span("root", |_| tracer.in_span("child", |_| ()));
        }
        tracers[0].shutdown(LIMIT).unwrap();
        tracers[1].in_span("later", |_| ());
        tracers[1].flush(LIMIT).unwrap();
        let of = |service: &str, names: &[&str]| -> Vec<(String, String)> {
            names.iter().map(|name| (service.to_owned(), (*name).to_owned())).collect()
        };
        assert_eq!(names(&agents[0]), of("one", &["root", "child"]));
        assert_eq!(names(&agents[1]), of("two", &["root", "child", "later"]));
    });
}

#[test]
fn a_trace_stays_with_the_tracer_that_began_it() {
    let (one, of_one) = testing::tracer();
    let (two, of_two) = testing::tracer();
    let root = one.trace("root");
    assert_eq!(two.current_span().unwrap(), root.handle(), "one store for the process");
    two.in_span("child", |_| ());
    two.start_span("apart").finish();
    drop(root);
    assert_eq!(of_one.tree(), "root\n  child\n");
    assert_eq!(of_two.tree(), "apart\n");
}

#[test]
fn the_tracer_of_the_process_is_installed_once() {
    within(LIMIT, || {
        // Before: everything can be called, and nothing happens.
        assert!(tracehound::trace("early").is_none());
        assert!(tracehound::start_span("early").is_none());
        assert!(tracehound::in_span("early", |span| span.is_none()));
        assert!(tracehound::current_span().is_none() && tracehound::current_root_span().is_none());
        assert!(tracehound::propagation_context().is_none());
        assert_eq!(tracehound::tracer().service(), None);
        tracehound::flush(Duration::MAX).unwrap();
        tracehound::shutdown(Duration::MAX).unwrap();

        let (first, second) = (testing::Captured::default(), testing::Captured::default());
        let said = Said::default();
        let build = |name: &'static str, captured| {
            common::builder("http://127.0.0.1:1", &said).service(name).capture(captured)
        };
        let guard = build("first", &first).install();
        assert_eq!(guard.tracer().service(), Some("first"));
        assert_eq!(said.warnings(), [""; 0]);
        let other = build("second", &second).install();
        assert_eq!(said.warnings().len(), 1, "{:?}", said.warnings());
        assert_eq!(other.tracer().service(), None, "a guard of nothing");
        drop(other);
        let same = guard.tracer().clone();
        assert_eq!(same, *tracehound::tracer());
        assert_ne!(same, Tracer::none());
        drop(same.install());
        assert_eq!(said.warnings().len(), 1, "the same one again is no mistake");

        {
            let root = tracehound::trace("root");
            assert_eq!(tracehound::current_root_span(), Some(root.handle()));
            let _scope = tracehound::activate(&root);
            tracehound::span("child").service("db").start().finish();
        }
        assert_eq!(tracehound::tracer().service(), Some("first"));
        assert_eq!(first.tree(), "root @first\n  child @db\n");
        assert!(second.spans().is_empty());
        drop(guard);
        assert!(tracehound::trace("late").is_some());
    });
}
