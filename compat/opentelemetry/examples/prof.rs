use opentelemetry::trace::{TraceContextExt, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use std::time::{Duration, Instant};
use tracehound::Tracer;
use tracehound::config::Environment;
use tracehound_opentelemetry::TracerProvider;
use tracehound_test_support::FaultAgent;
use tracehound_test_support::fault_agent::scripts;
fn tag(span: &tracehound::SpanRef) {
    span.set_tag("http.method", "GET");
    span.set_tag("http.route", "/users/{id}");
    span.set_tag("user.name", "somebody");
    span.set_tag("cart.items", 3);
    span.set_tag("cart.total", 9.5);
}
fn attributes(cx: &Context) {
    let span = cx.span();
    span.set_attribute(KeyValue::new("http.method", "GET"));
    span.set_attribute(KeyValue::new("http.route", "/users/{id}"));
    span.set_attribute(KeyValue::new("user.name", "somebody"));
    span.set_attribute(KeyValue::new("cart.items", 3));
    span.set_attribute(KeyValue::new("cart.total", 9.5));
}
fn main() {
    let mode = std::env::args().nth(1).unwrap();
    let rounds: u32 = std::env::args().nth(2).unwrap().parse().unwrap();
    let tags = std::env::args().nth(3).unwrap() == "5";
    let agent = FaultAgent::start(scripts::healthy);
    let tracer = Tracer::builder()
        .environment(Environment::empty())
        .agent_url(agent.url())
        .flush_interval(Duration::from_secs(3600))
        .build();
    if mode != "native" {
        tracehound_opentelemetry::install();
    }
    let otel = TracerProvider::new(tracer.clone()).tracer("x");
    let mut best = Duration::MAX;
    for _ in 0..rounds {
        let start = Instant::now();
        for _ in 0..100 {
            if mode.starts_with("native") {
                tracer.in_span("root", |r| {
                    if tags {
                        tag(r);
                    }
                    for _ in 0..9 {
                        tracer.in_span("child", |c| {
                            if tags {
                                tag(c)
                            }
                        });
                    }
                });
            } else {
                otel.in_span("root", |cx| {
                    if tags {
                        attributes(&cx);
                    }
                    for _ in 0..9 {
                        otel.in_span("child", |cx| {
                            if tags {
                                attributes(&cx)
                            }
                        });
                    }
                });
            }
        }
        best = best.min(start.elapsed());
        tracer.flush(Duration::from_secs(10)).unwrap();
    }
    println!("{mode} tags={tags} {} ns/span", best.as_nanos() / 1000);
}
