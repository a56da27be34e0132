//! fastrace with its reporter for Datadog. It knows texts only, and of headers only `traceparent`.

use std::any::Any;
use std::env;
use std::time::Duration;

use fastrace::collector::Config;
use fastrace::prelude::*;
use fastrace_datadog::DatadogReporter;
use workload::{CountAllocations, KEYS, Peer, Shape, URL};

pub(crate) fn run(count: Option<CountAllocations>) {
    let agent = env::var("DD_TRACE_AGENT_URL").unwrap_or_default();
    match agent.trim_start_matches("http://").parse() {
        Ok(agent) => {
            let reporter = DatadogReporter::new(agent, "shop", "hot", "custom");
            fastrace::set_reporter(reporter, Config::default());
            workload::serve(&Fastrace, count);
        }
        Err(error) => eprintln!("agent {agent:?}: {error}"),
    }
}

struct Fastrace;

fn tag() {
    LocalSpan::add_property(|| ("http.method", "GET"));
    LocalSpan::add_property(|| ("http.route", "/users/{id}"));
    LocalSpan::add_property(|| ("http.url", URL));
    LocalSpan::add_property(|| ("cart.items", 3.to_string()));
    LocalSpan::add_property(|| ("cart.gift", "true"));
}

fn tag_root(span: &Span) {
    span.add_property(|| ("http.method", "GET"));
    span.add_property(|| ("http.route", "/users/{id}"));
    span.add_property(|| ("http.url", URL));
    span.add_property(|| ("cart.items", 3.to_string()));
    span.add_property(|| ("cart.gift", "true"));
}

impl Peer for Fastrace {
    fn hot(&self) {
        let root = Span::root("root", SpanContext::random());
        let _active = root.set_local_parent();
        tag_root(&root);
        for _ in 0..9 {
            let _child = LocalSpan::enter_with_local_parent("child");
            tag();
        }
    }

    fn root(&self) {
        let root = Span::root("root", SpanContext::random());
        let _active = root.set_local_parent();
    }

    fn shaped(&self, shape: Shape) {
        let root = Span::root("root", SpanContext::random());
        let _active = root.set_local_parent();
        for key in &KEYS[..shape.tags] {
            root.add_property(|| (*key, "value"));
        }
        for _ in 1..shape.spans {
            let _child = LocalSpan::enter_with_local_parent("child");
            for key in &KEYS[..shape.tags] {
                LocalSpan::add_property(|| (*key, "value"));
            }
        }
    }

    fn open(&self) -> Option<Box<dyn Any>> {
        Some(Box::new(Span::root("open", SpanContext::random())))
    }

    fn flush(&self) {
        fastrace::flush();
    }

    fn shutdown(&self, _: Duration) {
        fastrace::flush();
    }
}
