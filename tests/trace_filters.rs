//! Filters see each finished trace before it is sent, and may change or drop it.

#![cfg(all(feature = "agent", feature = "regex"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tracehound::{
    DropResources, FilterRequestsOnUrl, FinishedTrace, KeepErrors, KeepOneIn, KeepSlow, LossReason,
    SamplingPriority, SpanContext, SpanEvent, SpanId, SpanKind, SpanLink, SpanRef, TraceFilter,
    TraceId, Tracer, TracerBuilder, Verdict, testing,
};
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, Span, within};

use common::{LIMIT, Said};

/// What the agent gets of what `make` does with a tracer that `build` makes.
fn delivered(
    build: impl FnOnce(TracerBuilder) -> TracerBuilder,
    make: impl FnOnce(&Tracer),
) -> (Vec<Span>, Tracer) {
    let agent = FaultAgent::start(scripts::healthy);
    let tracer = build(common::builder(&agent.url(), &Said::default())).build();
    make(&tracer);
    tracer.flush(LIMIT).unwrap();
    (agent.spans(), tracer)
}

fn resources(spans: &[Span]) -> Vec<&str> {
    spans.iter().map(|span| span.resource.as_str()).collect()
}

fn request(tracer: &Tracer, resource: &'static str) {
    let request = tracer.span("web.request").resource(resource).enter();
    tracer.trace("db.query").finish();
    drop(request);
}

#[test]
fn filters_are_asked_in_order_until_one_decides() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let filter = |name: &'static str, keeps: &'static str, drops: &'static str| {
        let asked = Arc::clone(&asked);
        move |trace: &mut FinishedTrace<'_>| {
            let resource = trace.root().unwrap().resource().into_owned();
            asked.lock().unwrap().push(format!("{name} {resource}"));
            match resource {
                resource if resource == keeps => Verdict::Keep,
                resource if resource == drops => Verdict::Drop,
                _ => Verdict::Next,
            }
        }
    };
    let build = |builder: TracerBuilder| {
        builder.trace_filter(filter("first", "b", "c")).trace_filter(filter("second", "c", "b"))
    };
    let (spans, tracer) = delivered(build, |tracer| {
        ["a", "b", "c"].into_iter().for_each(|resource| request(tracer, resource));
    });
    assert_eq!(resources(&spans), ["a", "db.query", "b", "db.query"]);
    assert_eq!(*asked.lock().unwrap(), ["first a", "second a", "first b", "first c"]);
    let filtered = tracer.filtered();
    assert_eq!((filtered.traces(), filtered.spans(), tracer.losses().total()), (1, 2, 0));
}

#[test]
fn what_was_made_is_what_was_delivered_filtered_and_lost() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = common::builder(&agent.url(), &Said::default())
            .trace_filter(DropResources::new("drop *"))
            .trace_filter(DropResources::new("*!"))
            .trace_filter(KeepOneIn::new(4, "*one*"))
            .max_payload_bytes(50_000)
            .build();
        let mut made = 0;
        for number in 0..400_u64 {
            let resource = ["drop this", "and that!", "one of them", "pass"][number as usize % 4];
            request(&tracer, resource);
            made += 2;
            if number == 100 {
                // Larger than a request.
                let large = tracer.trace("large");
                (0..4).for_each(|tag| large.set_tag(format!("tag{tag}"), "x".repeat(24_000)));
                made += 1;
            }
        }
        tracer.flush(LIMIT).unwrap_err();
        let filtered = tracer.filtered();
        let by_filter: Vec<_> =
            filtered.by_filter().iter().map(|it| (it.name.as_str(), it.traces)).collect();
        assert_eq!(
            by_filter,
            [("DropResources", 100), ("DropResources #2", 100), ("KeepOneIn", 75)]
        );
        let (sent, lost) = (agent.spans().len() as u64, tracer.losses());
        assert_eq!(lost.spans(LossReason::TooLarge), 1);
        assert_eq!(sent + filtered.spans() + lost.total(), made, "{filtered}, {lost}");
    });
}

#[test]
fn a_filter_can_change_what_a_span_has() {
    let filter = |trace: &mut FinishedTrace<'_>| {
        let trace_id = trace.trace_id();
        trace.for_each_span(|span| {
            assert_eq!(span.tag("secret").as_deref(), Some("hunter2"));
            span.remove_tag("secret");
            span.set_tag("http.status_code", 404);
            span.set_tag("items", vec!["a", "b"]);
            span.set_tags([("some", 1)]);
            span.set_metric("cost", 2.5);
            span.set_metrics([("nan", f64::NAN)]);
            span.add_link(SpanLink::new(trace_id, SpanId::new(7).unwrap()));
            span.add_event(SpanEvent::new("seen"));
        });
        let mut root = trace.root_mut().unwrap();
        assert!(root.is_local_root() && root.span_id().is_some() && root.parent_id().is_none());
        root.set_name("other.name");
        root.set_service("other");
        root.set_resource("other resource");
        root.set_type("web");
        root.set_kind(SpanKind::Server);
        root.set_error(&"x".parse::<u8>().unwrap_err());
        assert_eq!(
            (&*root.name(), root.service(), &*root.resource()),
            ("other.name", "other", "other resource")
        );
        assert_eq!(
            (root.span_type().as_deref(), root.kind()),
            (Some("web"), Some(SpanKind::Server))
        );
        assert_eq!((root.metric("cost"), root.is_error()), (Some(2.5), true));
        assert!(root.duration() > Duration::ZERO);
        Verdict::Next
    };
    let (spans, _) = delivered(
        |builder| builder.trace_filter(filter),
        |tracer| drop(tracer.span("web.request").tag("secret", "hunter2").start()),
    );
    let [span] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(
        (&*span.name, &*span.service, &*span.resource),
        ("other.name", "other", "other resource")
    );
    assert_eq!((&*span.kind, span.error, span.meta("secret")), ("web", 1, None));
    assert_eq!(span.meta("http.status_code"), Some("404"));
    assert_eq!((span.meta("items.0"), span.metric("some")), (Some("a"), Some(1.0)));
    assert_eq!((span.metric("cost"), span.metric("nan")), (Some(2.5), None));
    assert_eq!(span.meta("span.kind"), Some("server"));
    assert_eq!(span.meta("error.message"), Some("invalid digit found in string"));
    let links: Vec<_> = span.span_links.iter().map(|link| link.span_id).collect();
    assert_eq!(links, [7]);
}

#[test]
fn a_filter_does_not_change_what_was_decided_and_propagated() {
    let filter = |trace: &mut FinishedTrace<'_>| {
        assert_eq!(trace.priority(), Some(SamplingPriority::AUTO_REJECT));
        trace.for_each_span(|span| {
            span.set_tag("manual.keep", true);
            span.set_tag("sampling.priority", 2);
        });
        Verdict::Keep
    };
    let upstream = SpanContext::new(TraceId::new(7).unwrap(), SpanId::new(8))
        .with_priority(SamplingPriority::AUTO_REJECT);
    let (spans, _) = delivered(
        |builder| builder.trace_filter(filter),
        |tracer| drop(tracer.span("web.request").child_of(upstream).start()),
    );
    assert_eq!(spans[0].metric("_sampling_priority_v1"), Some(0.0));
    assert_eq!(spans[0].meta("manual.keep"), None);
}

#[test]
fn a_panic_of_a_filter_keeps_the_trace_with_what_was_changed_before() {
    let agent = FaultAgent::start(scripts::healthy);
    let said = Said::default();
    let tracer = common::builder(&agent.url(), &said)
        .trace_filter(|trace: &mut FinishedTrace<'_>| {
            let mut left = 1;
            trace.for_each_span(|span| {
                span.set_tag("seen", true);
                left -= 1;
                assert!(left >= 0, "out of eggs");
            });
            Verdict::Drop
        })
        .trace_filter(|trace: &mut FinishedTrace<'_>| {
            trace.for_each_span(|span| span.set_tag("behind", true));
            Verdict::Next
        })
        .build();
    (0..3).for_each(|_| request(&tracer, "GET /"));
    tracer.flush(LIMIT).unwrap();
    let spans = agent.spans();
    assert_eq!(spans.len(), 6);
    assert!(spans.iter().all(|span| span.meta("seen") == Some("true")), "the change was whole");
    assert!(spans.iter().all(|span| span.meta("behind") == Some("true")), "the others are asked");
    assert_eq!((tracer.caught_panics(), tracer.filtered().traces()), (3, 0));
    let warnings = said.warnings();
    let of_filter: Vec<_> =
        warnings.iter().filter(|line| line.contains("a trace filter panicked")).collect();
    assert_eq!(of_filter.len(), 1, "{warnings:?}");
    assert!(of_filter[0].contains("out of eggs"));
}

#[test]
fn a_filter_can_use_the_tracer_and_its_spans_do_not_exist() {
    let agent = FaultAgent::start(scripts::healthy);
    let (sender, receiver) = mpsc::channel::<Tracer>();
    let receiver = Mutex::new(receiver);
    let tracer = common::builder(&agent.url(), &Said::default())
        .trace_filter(move |_: &mut FinishedTrace<'_>| {
            let tracer = receiver.lock().unwrap().recv_timeout(LIMIT).unwrap();
            assert!(tracer.trace("inside").is_none());
            Verdict::Next
        })
        .build();
    sender.send(tracer.clone()).unwrap();
    tracer.trace("outside").finish();
    tracer.flush(LIMIT).unwrap();
    assert_eq!((agent.spans().len(), tracer.caught_panics()), (1, 0));
}

#[test]
fn a_trace_that_is_sent_in_parts_comes_in_parts() {
    let roots = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&roots);
    let build = |builder: TracerBuilder| {
        builder.partial_flush(Some(10)).trace_filter(DropResources::new("step")).trace_filter(
            move |trace: &mut FinishedTrace<'_>| {
                seen.lock().unwrap().push((trace.root().is_some(), trace.spans().count()));
                Verdict::Next
            },
        )
    };
    let (spans, _) = delivered(build, |tracer| {
        let _root = tracer.trace("root");
        (0..25).for_each(|_| tracer.trace("step").finish());
    });
    assert_eq!(*roots.lock().unwrap(), [(false, 10), (false, 10), (true, 6)]);
    assert_eq!(spans.len(), 26, "a part without its root has no resource to go by");
}

#[test]
fn a_filter_sees_all_spans_of_the_longest_trace() {
    within(LIMIT, || {
        const SPANS: usize = 99_999;
        let seen = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&seen);
        let build = |builder: TracerBuilder| {
            builder.partial_flush(None).buffer_bytes(200_000_000).trace_filter(
                move |trace: &mut FinishedTrace<'_>| {
                    count.fetch_add(trace.spans().count(), Relaxed);
                    trace.for_each_span(|span| span.set_tag("seen", 1));
                    Verdict::Next
                },
            )
        };
        let (spans, _) = delivered(build, |tracer| {
            let _root = tracer.trace("root");
            (0..SPANS).for_each(|_| tracer.trace("step").finish());
        });
        assert_eq!((seen.load(Relaxed), spans.len()), (SPANS + 1, SPANS + 1));
        assert!(spans.iter().all(|span| span.metric("seen") == Some(1.0)));
    });
}

// ===== those that come with the library =====

/// The resources of the traces that filters let pass.
fn passing(
    build: impl FnOnce(TracerBuilder) -> TracerBuilder,
    make: impl FnOnce(&Tracer),
) -> Vec<String> {
    let captured = testing::Captured::default();
    let builder = Tracer::builder().environment(tracehound::config::Environment::empty());
    let tracer = build(builder).capture(&captured).build();
    make(&tracer);
    captured.spans().into_iter().map(|span| span.resource).collect()
}

#[test]
fn errors_and_slow_traces_are_kept_whatever_comes_behind() {
    let build = |builder: TracerBuilder| {
        builder
            .trace_filter(KeepErrors)
            .trace_filter(KeepSlow(Duration::from_secs(1)))
            .trace_filter(|_: &mut FinishedTrace<'_>| Verdict::Drop)
    };
    let kept = passing(build, |tracer| {
        let start = std::time::SystemTime::now();
        let finish = |name: &'static str, took, mark: fn(&SpanRef)| {
            let root = tracer.span(name).start_time(start).start();
            let child = tracer.span(name).child_of(&*root).start_time(start).start();
            mark(&child);
            child.finish_at(start + took);
            root.finish_at(start + Duration::from_millis(1));
        };
        finish("quick", Duration::from_millis(999), |_| ());
        finish("slow child", Duration::from_secs(1), |_| ());
        finish("failed child", Duration::ZERO, |span| span.set_error_message("out of eggs"));
    });
    assert_eq!(kept, ["slow child", "slow child", "failed child", "failed child"]);
}

#[test]
fn resources_are_those_of_local_roots_and_patterns_are_for_the_whole_of_them() {
    let build = |builder: TracerBuilder| {
        builder
            .trace_filter(DropResources::new("get /HEALTH?"))
            .trace_filter(DropResources::new(""))
    };
    let passed = passing(build, |tracer| {
        for resource in ["GET /healthz", "GET /health", "GET /healthzz", "xGET /healthz"] {
            drop(tracer.span("web.request").resource(resource).start());
        }
        let upstream = SpanContext::new(TraceId::new(7).unwrap(), SpanId::new(8));
        drop(tracer.span("web.request").resource("GET /healthy").child_of(upstream).start());
        let _root = tracer.span("root").enter();
        drop(tracer.span("client").resource("GET /healthz").start());
    });
    assert_eq!(passed, ["GET /health", "GET /healthzz", "xGET /healthz", "root", "GET /healthz"]);
}

#[test]
fn one_in_so_many_is_exact_and_counts_only_what_fits() {
    for (one_in, expected) in [(0, 12), (1, 12), (5, 3), (12, 1), (u64::MAX, 1)] {
        let build = |builder: TracerBuilder| builder.trace_filter(KeepOneIn::new(one_in, "ping"));
        let passed = passing(build, |tracer| {
            for _ in 0..12 {
                tracer.trace("ping").finish();
                tracer.trace("pong").finish();
            }
        });
        let count = |name: &str| passed.iter().filter(|passed| *passed == name).count();
        assert_eq!((count("ping"), count("pong")), (expected, 12), "one in {one_in}");
    }
}

#[test]
fn requests_are_dropped_by_the_url_of_a_span_without_a_parent() {
    let patterns = [r"http://test\.example\.com", r"http://example\.com/healthcheck"];
    let build = |builder: TracerBuilder| {
        builder.trace_filter(FilterRequestsOnUrl::any_of(patterns).unwrap())
    };
    let passed = passing(build, |tracer| {
        let span =
            |url: &'static str| tracer.span("web.request").resource(url).tag("http.url", url);
        for url in [
            "http://test.example.com/a",
            "http://example.com/healthcheck/deep",
            "http://example.com/",
            "http://a/?next=http://test.example.com",
        ] {
            drop(span(url).start());
        }
        // The root of its trace is in another process.
        let upstream = SpanContext::new(TraceId::new(7).unwrap(), SpanId::new(8));
        drop(span("http://test.example.com/b").child_of(upstream).start());
        // The URL is one that the service has called.
        let _root = tracer.span("root").enter();
        drop(span("http://test.example.com/c").start());
    });
    assert_eq!(
        passed,
        [
            "http://example.com/",
            "http://a/?next=http://test.example.com",
            "http://test.example.com/b",
            "root",
            "http://test.example.com/c",
        ]
    );
}

/// The semantics of the other Datadog tracers, asked of Python's own `re`.
#[test]
fn patterns_fit_what_python_says_that_they_fit() {
    const PATTERNS: [&str; 14] = [
        "http://",
        "shop",
        ".*shop",
        "^http",
        "http://shop$",
        "a|http",
        "(?i)HTTP",
        r"\w+://[^/]+/$",
        r"http://.*\.example\.com",
        "",
        "$",
        "x*",
        "[a-z]{4}s?:",
        r"(?s).+second",
    ];
    const URLS: [&str; 8] = [
        "http://shop",
        "http://shop/",
        "https://a.example.com/shop",
        "HTTP://SHOP",
        "",
        "x http://shop",
        "first\nsecond",
        "http://größe.example.com",
    ];
    let script = "import json, re, sys\np, u = json.load(sys.stdin)\n\
                  print(json.dumps([[bool(re.match(a, b)) for b in u] for a in p]))";
    let mut python = Command::new("python3")
        .args(["-c", script])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    serde_json::to_writer(python.stdin.take().unwrap(), &(PATTERNS, URLS)).unwrap();
    let output = python.wait_with_output().unwrap();
    let expected: Vec<Vec<bool>> = serde_json::from_slice(&output.stdout).unwrap();
    for (pattern, expected) in PATTERNS.iter().zip(expected) {
        let filter = Arc::new(FilterRequestsOnUrl::new(pattern).unwrap());
        for (url, expected) in URLS.iter().zip(expected) {
            let filter = Arc::clone(&filter);
            let build = |builder: TracerBuilder| {
                builder.trace_filter(move |trace: &mut FinishedTrace<'_>| filter.filter(trace))
            };
            let make = |tracer: &Tracer| drop(tracer.span("r").tag("http.url", *url).start());
            assert_eq!(passing(build, make).is_empty(), expected, "{pattern:?} {url:?}");
        }
    }
}
