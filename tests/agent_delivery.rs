//! What a program puts into its spans is what the agent has, over TCP and over a Unix socket.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::fmt;
use std::num::ParseIntError;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use tracehound::config::{ApiVersion, Environment};
use tracehound::{
    SamplingMechanism, SamplingPriority, SpanContext, SpanEvent, SpanId, SpanKind, SpanLink,
    TraceId, Tracer, TracerBuilder,
};
use tracehound_test_support::span::{SpanEvent as SentEvent, SpanLink as SentLink, tree};
use tracehound_test_support::{Span, TestAgent, within};

use common::{LIMIT, Said};

/// A tracer and the real agent at the other end.
struct Pair {
    agent: TestAgent,
    tracer: Tracer,
    said: Said,
}

impl Pair {
    /// Sends what has finished, and gives all that the agent has: one list of spans for each trace.
    fn traces(&self) -> Vec<Vec<Span>> {
        self.tracer.flush(LIMIT).unwrap();
        self.agent.traces()
    }

    fn spans(&self) -> Vec<Span> {
        self.traces().concat()
    }

    fn span(&self, name: &str) -> Span {
        let mut found: Vec<Span> = self.spans();
        found.retain(|span| span.name == name);
        assert_eq!(found.len(), 1, "spans {name:?}");
        found.remove(0)
    }
}

#[derive(Clone, Copy)]
enum Way {
    Tcp,
    Unix,
}

impl Way {
    /// Runs a case, which fails if the agent finds fault with what it got, or the tracer warns.
    fn run(self, setting: Setting, case: fn(&Pair)) {
        within(LIMIT, move || {
            let agent = match setting.info {
                None => TestAgent::start(),
                Some((field, value)) => TestAgent::builder().info(field, value).start(),
            };
            let url = match self {
                Way::Tcp => agent.url(),
                Way::Unix => agent.socket().to_string(),
            };
            let said = Said::default();
            let tracer = (setting.tracer)(common::builder(&url, &said)).build();
            assert_eq!(tracer.agent_url(), Some(url.as_str()));
            let pair = Pair { agent, tracer, said };
            case(&pair);
            pair.agent.assert_no_check_failures();
            assert_eq!(pair.said.warnings(), [""; 0]);
            assert_eq!(pair.tracer.losses().total(), 0);
        });
    }
}

/// How a case wants its pair to be.
struct Setting {
    info: Option<(&'static str, serde_json::Value)>,
    tracer: fn(TracerBuilder) -> TracerBuilder,
}

impl Setting {
    fn plain() -> Self {
        Setting { info: None, tracer: |builder| builder }
    }

    fn tracer(tracer: fn(TracerBuilder) -> TracerBuilder) -> Self {
        Setting { tracer, ..Setting::plain() }
    }

    /// An agent from before span events had a field of their own.
    fn without_span_events() -> Self {
        // Nor did it take v1.0, of which they are a part.
        let tracer = |builder: TracerBuilder| builder.api_version(ApiVersion::V04);
        Setting { info: Some(("span_events", json!(false))), tracer }
    }
}

macro_rules! cases {
    ($($name:ident: $setting:expr, $case:expr;)*) => {
        mod tcp {
            use super::*;
            $(#[test] fn $name() { Way::Tcp.run($setting, $case) })*
        }
        #[cfg(unix)]
        mod unix {
            use super::*;
            $(#[test] fn $name() { Way::Unix.run($setting, $case) })*
        }
    };
}

cases! {
    all_that_a_span_holds_arrives: Setting::tracer(all_settings), all_that_a_span_holds;
    events_go_in_their_own_field: Setting::plain(), native_events;
    events_become_a_tag_where_the_agent_knows_no_field: Setting::without_span_events(), tagged_events;
    a_trace_arrives_as_the_tree_it_was: Setting::plain(), whole_tree;
    a_trace_from_elsewhere_goes_on: Setting::plain(), continued;
    a_long_trace_arrives_in_chunks_that_are_complete: Setting::plain(), partial_flush;
    a_service_of_its_own_is_marked: Setting::tracer(mapped_services), services;
    the_version_is_that_of_the_own_service_only: Setting::tracer(all_settings), versions;
    tags_of_the_tracer_give_way_to_those_of_the_span: Setting::tracer(global_tags), precedence;
    names_of_the_tracer_are_its_own: Setting::without_span_events(), reserved_names;
    errors_say_what_and_where: Setting::plain(), errors;
    a_stack_begins_with_the_caller: Setting::plain(), tracebacks;
    texts_of_any_kind_arrive: Setting::plain(), texts;
    ids_of_64_bits_have_no_upper_half: Setting::tracer(narrow_ids), narrow;
    times_given_by_the_user_are_kept: Setting::plain(), times;
}

// ===== one span with everything =====

fn all_settings(builder: TracerBuilder) -> TracerBuilder {
    builder.env("prod").version("1.4.2").tag("team", "payments").tag("tier", "web")
}

fn all_that_a_span_holds(pair: &Pair) {
    let span = pair
        .tracer
        .span("web.request")
        .resource("GET /cart")
        .span_type("web")
        .kind(SpanKind::Server)
        .tag("user.id", "42")
        .tag("tier", "edge")
        .start();
    span.set_tag("cart.items", 3);
    span.set_tag("cart.open", true);
    span.set_tag("cart.sum", 17.25);
    span.set_tag("cart.ids", vec![7, 8]);
    span.set_tag("too.large", u64::MAX);
    span.set_tag("http.status_code", 503);
    span.set_tag("gone", "soon");
    span.set_tag("gone", None::<&str>);
    span.set_tag("first.text", "one");
    span.set_tag("first.text", 1);
    span.set_metric("ratio", -0.5);
    span.set_metric("none", f64::NAN);
    span.set_struct_tag("appsec", &json!({"triggers": [{"rule": "crs-942"}], "n": 2})).unwrap();
    let linked = TraceId::new(0x640c_fcd8_0000_0000_abcd_ef01_2345_6789).unwrap();
    span.add_link(
        SpanLink::new(linked, SpanId::new(7).unwrap())
            .attribute("reason", "none")
            .attribute("reason", "retry")
            .tracestate("dd=s:1")
            .sampled(true),
    );
    span.add_link(SpanLink::new(TraceId::new(9).unwrap(), SpanId::new(u64::MAX).unwrap()));
    span.set_error_message("the cart is closed");
    let (trace, id) = (span.trace_id().unwrap(), span.span_id().unwrap());
    let started = span.start_time().unwrap();
    span.finish();

    let sent = pair.span("web.request");
    let runtime_id = sent.meta("runtime-id").unwrap_or_default().to_owned();
    assert!(is_uuid(&runtime_id), "{runtime_id:?}");
    assert_eq!(UNIX_EPOCH + Duration::from_nanos(u64::try_from(sent.start).unwrap()), started);
    assert!((0..=nanoseconds(LIMIT)).contains(&sent.duration), "{}", sent.duration);
    let expected = Span {
        service: "shop".into(),
        name: "web.request".into(),
        resource: "GET /cart".into(),
        kind: "web".into(),
        trace_id: trace.low(),
        span_id: id.get(),
        parent_id: 0,
        start: sent.start,
        duration: sent.duration,
        error: 1,
        meta: map([
            ("_dd.p.dm", "-0".to_owned()),
            ("_dd.p.tid", format!("{:016x}", trace.high())),
            ("cart.open", "true".into()),
            ("env", "prod".into()),
            ("error.message", "the cart is closed".into()),
            ("http.status_code", "503".into()),
            ("language", "rust".into()),
            ("runtime-id", runtime_id),
            ("span.kind", "server".into()),
            ("team", "payments".into()),
            ("tier", "edge".into()),
            ("too.large", u64::MAX.to_string()),
            ("user.id", "42".into()),
            ("version", "1.4.2".into()),
        ]),
        metrics: map([
            ("_dd.top_level", 1.0),
            ("_dd.tracer_kr", 1.0),
            ("_sampling_priority_v1", 1.0),
            ("cart.ids.0", 7.0),
            ("cart.ids.1", 8.0),
            ("cart.items", 3.0),
            ("cart.sum", 17.25),
            ("first.text", 1.0),
            ("process_id", f64::from(std::process::id())),
            ("ratio", -0.5),
        ]),
        meta_struct: map([("appsec", json!({"triggers": [{"rule": "crs-942"}], "n": 2}))]),
        span_links: vec![
            SentLink {
                trace_id: linked.low(),
                trace_id_high: linked.high(),
                span_id: 7,
                attributes: map([("reason", "retry".to_owned())]),
                tracestate: "dd=s:1".into(),
                flags: Some(1 << 31 | 1),
            },
            SentLink { trace_id: 9, span_id: u64::MAX, ..SentLink::default() },
        ],
        span_events: Vec::new(),
    };
    assert_eq!(sent, expected);
}

// ===== events =====

fn with_events(tracer: &Tracer) {
    let at = UNIX_EPOCH + Duration::from_nanos(1_700_000_000_000_000_123);
    let span = tracer.span("with.events").start();
    span.add_event(
        SpanEvent::at("cache.miss", at)
            .attribute("key", "user:42 ä")
            .attribute("tries", 3)
            .attribute("cold", true)
            .attribute("share", 0.0)
            .attribute("shards", vec![1, 2])
            .attribute("not a number", f64::NAN),
    );
    span.add_event(SpanEvent::at("bare", at));
}

fn native_events(pair: &Pair) {
    with_events(&pair.tracer);
    let span = pair.span("with.events");
    assert_eq!(span.meta("events"), None);
    let integers = json!({"values": [{"type": 2, "int_value": 1}, {"type": 2, "int_value": 2}]});
    let expected = SentEvent {
        time_unix_nano: 1_700_000_000_000_000_123,
        name: "cache.miss".into(),
        attributes: map([
            ("key", json!({"type": 0, "string_value": "user:42 ä"})),
            ("tries", json!({"type": 2, "int_value": 3})),
            ("cold", json!({"type": 1, "bool_value": true})),
            ("share", json!({"type": 3, "double_value": 0.0})),
            ("shards", json!({"type": 4, "array_value": integers})),
        ]),
    };
    let bare = SentEvent { name: "bare".into(), attributes: map([]), ..expected.clone() };
    assert_eq!(span.span_events, [expected, bare]);
}

fn tagged_events(pair: &Pair) {
    with_events(&pair.tracer);
    let span = pair.span("with.events");
    assert!(span.span_events.is_empty());
    let events: serde_json::Value = serde_json::from_str(span.meta("events").unwrap()).unwrap();
    assert_eq!(
        events,
        json!([
            {
                "name": "cache.miss",
                "time_unix_nano": 1_700_000_000_000_000_123_u64,
                "attributes": {
                    "key": "user:42 ä", "tries": 3, "cold": true, "share": 0.0, "shards": [1, 2]
                },
            },
            {"name": "bare", "time_unix_nano": 1_700_000_000_000_000_123_u64},
        ])
    );
}

// ===== traces =====

fn whole_tree(pair: &Pair) {
    let tracer = &pair.tracer;
    for customer in ["a", "b"] {
        let request = tracer.trace("web.request");
        request.set_resource(format!("GET /{customer}"));
        tracer.in_span("cart.load", |cart| {
            let _query = tracer.span("db.query").service("cart-db").span_type("sql").enter();
            cart.set_error_message("empty");
        });
        let render = tracer.span("render").start();
        std::thread::scope(|scope| {
            scope.spawn(move || render.finish());
        });
    }
    let traces = pair.traces();
    let trees: Vec<String> = traces.iter().map(|spans| tree(spans)).collect();
    let expected = |customer: &str| {
        format!(
            "web.request  shop | GET /{customer}\n  cart.load  shop | cart.load | error\n    \
             db.query  cart-db | db.query | sql\n  render  shop | render\n"
        )
    };
    assert_eq!(trees, [expected("a"), expected("b")]);
    let [a, b] = traces.as_slice() else { panic!() };
    assert_ne!(a[0].full_trace_id(), b[0].full_trace_id());
    let ids: HashSet<u64> = traces.iter().flatten().map(|span| span.span_id).collect();
    assert_eq!(ids.len(), 8, "every span has its own");
    let top_level = |span: &&Span| span.metric("_dd.top_level") == Some(1.0);
    let names: Vec<&str> = a.iter().filter(top_level).map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["web.request", "db.query"]);
}

fn continued(pair: &Pair) {
    let id = TraceId::new(0x640c_fcd8_0000_0000_0000_0000_0000_0007).unwrap();
    let upstream = SpanContext::new(id, SpanId::new(8))
        .with_priority(SamplingPriority::USER_KEEP)
        .with_mechanism(SamplingMechanism::MANUAL)
        .with_origin("synthetics")
        .with_tag("_dd.p.usr.id", "Nzc=");
    let request = pair.tracer.span("web.request").child_of(upstream).start();
    pair.tracer.span("below").child_of(&request).start().finish();
    request.finish();

    let spans = pair.spans();
    let [request, below] = spans.as_slice() else { panic!("{}", tree(&spans)) };
    assert_eq!((request.full_trace_id(), request.parent_id), (id.get(), 8));
    assert_eq!((below.trace_id, below.parent_id), (7, request.span_id));
    assert_eq!(request.metric("_sampling_priority_v1"), Some(2.0));
    assert_eq!(request.metric("_dd.top_level"), Some(1.0));
    let of_the_chunk = [("_dd.p.dm", "-4"), ("_dd.p.usr.id", "Nzc="), ("language", "rust")];
    for (key, value) in of_the_chunk {
        assert_eq!((request.meta(key), below.meta(key)), (Some(value), None), "{key}");
    }
    for span in [request, below] {
        assert_eq!(span.meta("_dd.origin"), Some("synthetics"));
    }
    assert!(request.meta("runtime-id").is_some() && below.meta("runtime-id").is_none());
}

fn partial_flush(pair: &Pair) {
    const CHILDREN: usize = 700;
    let root = pair.tracer.span("root").start();
    let early = pair.tracer.span("early").child_of(&root).start();
    for _ in 0..CHILDREN {
        pair.tracer.span("child").child_of(&root).start().finish();
    }
    early.finish();
    root.finish();

    let traces = pair.traces();
    assert_eq!((traces.len(), traces[0].len()), (1, CHILDREN + 2));
    let root = &traces[0][0];
    assert!(traces[0][1..].iter().all(|span| span.parent_id == root.span_id));
    let chunks: Vec<Vec<Span>> =
        pair.agent.requests().iter().flat_map(|request| request.chunks()).collect();
    let sizes: Vec<usize> = chunks.iter().map(Vec::len).collect();
    assert_eq!(sizes, [300, 300, 102]);
    for chunk in &chunks {
        let [first, rest @ ..] = chunk.as_slice() else { panic!() };
        assert_eq!(first.full_trace_id(), root.full_trace_id());
        assert_eq!(first.metric("_sampling_priority_v1"), Some(1.0));
        assert_eq!(first.metric("_dd.tracer_kr"), Some(1.0));
        assert_eq!((first.meta("_dd.p.dm"), first.meta("language")), (Some("-0"), Some("rust")));
        for span in rest {
            for key in ["_dd.p.dm", "_dd.p.tid", "language"] {
                assert_eq!(span.meta(key), None, "{key} of {span}");
            }
            assert_eq!(span.metric("_sampling_priority_v1"), None);
            assert_eq!(span.metric("_dd.top_level"), None);
        }
    }
    let last = &chunks[2][0];
    assert_eq!((last.name.as_str(), last.metric("_dd.top_level")), ("root", Some(1.0)));
    assert!(last.meta("runtime-id").is_some());
}

// ===== services and tags of the tracer =====

fn mapped_services(builder: TracerBuilder) -> TracerBuilder {
    builder.environment(Environment::from_pairs([("DD_SERVICE_MAPPING", "redis:shop-cache")]))
}

fn services(pair: &Pair) {
    let tracer = &pair.tracer;
    let root = tracer.span("root").start();
    let child = |name: &'static str| tracer.span(name).child_of(&root);
    let manual = child("manual").service("cart-db").start();
    tracer.span("inherited").child_of(&manual).start().finish();
    tracer.span("renamed").child_of(&manual).service("redis").start().finish();
    tracer.span("given back").child_of(&manual).service("shop").start().finish();
    child("other case").service("SHOP").start().finish();
    let late = child("late").start();
    late.set_service("late-db");
    drop((late, manual, root));

    let (own, told, mapped) = (None, Some("m"), Some("opt.service_mapping"));
    for (name, service, source, top_level) in [
        ("root", "shop", own, true),
        ("manual", "cart-db", told, true),
        ("inherited", "cart-db", told, false),
        ("renamed", "shop-cache", mapped, true),
        ("given back", "shop", own, true),
        ("other case", "SHOP", own, true),
        ("late", "late-db", told, true),
    ] {
        let span = pair.span(name);
        assert_eq!((span.service.as_str(), span.meta("_dd.svc_src")), (service, source), "{name}");
        assert_eq!(span.meta("_dd.base_service"), source.map(|_| "shop"), "{name}");
        assert_eq!(span.metric("_dd.top_level"), top_level.then_some(1.0), "{name}");
    }
}

fn versions(pair: &Pair) {
    let root = pair.tracer.span("own").start();
    let other = pair.tracer.span("other").service("cart-db").child_of(&root).start();
    pair.tracer.span("back").service("SHOP").child_of(&other).start().finish();
    pair.tracer.span("told").service("x").tag("version", "9").child_of(&root).start().finish();
    let tagged = pair.tracer.span("tagged").child_of(&root).start();
    tagged.set_tag("service.version", "2");
    drop((tagged, other, root));
    let version = |name: &str| pair.span(name).meta("version").map(str::to_owned);
    assert_eq!(version("own").as_deref(), Some("1.4.2"));
    assert_eq!(version("other"), None);
    assert_eq!(version("back").as_deref(), Some("1.4.2"));
    assert_eq!(version("told").as_deref(), Some("9"));
    assert_eq!(version("tagged").as_deref(), Some("2"));
    for span in pair.spans() {
        assert_eq!(span.meta("env"), Some("prod"));
    }
}

fn global_tags(builder: TracerBuilder) -> TracerBuilder {
    builder.env("prod").tag("team", "payments").tag("span.kind", "internal").tag("n", "text")
}

fn precedence(pair: &Pair) {
    pair.tracer.set_tags([("team", "cart"), ("env", "ignored"), ("version", "3"), ("late", "1")]);
    pair.tracer.span("plain").start().finish();
    let span =
        pair.tracer.span("own").kind(SpanKind::Client).tag("team", "own").tag("n", 1).start();
    span.set_tag("env", "test");
    span.finish();

    let (plain, own) = (pair.span("plain"), pair.span("own"));
    let expected = [
        ("team", "cart", "own"),
        ("env", "prod", "test"),
        ("version", "3", "3"),
        ("late", "1", "1"),
        ("span.kind", "internal", "client"),
    ];
    for (key, of_plain, of_own) in expected {
        assert_eq!((plain.meta(key), own.meta(key)), (Some(of_plain), Some(of_own)), "{key}");
    }
    assert_eq!((plain.meta("n"), own.meta("n"), own.metric("n")), (Some("text"), None, Some(1.0)));
}

fn reserved_names(pair: &Pair) {
    let names = [
        "_dd.base_service",
        "_dd.p.dm",
        "_dd.p.tid",
        "_dd.svc_src",
        "_dd.top_level",
        "_dd.tracer_kr",
        "_sampling_priority_v1",
        "events",
        "language",
        "process_id",
        "runtime-id",
    ];
    pair.tracer.set_tags(names.map(|name| (name, "of the program")));
    let text = pair.tracer.span("text").service("other").start();
    let number = pair.tracer.span("number").service("other").start();
    for name in names {
        text.set_tag(name, "of the user");
        number.set_metric(name, 42.0);
    }
    for span in [text, number] {
        span.add_event(SpanEvent::new("event"));
        span.finish();
    }
    for span in [pair.span("text"), pair.span("number")] {
        assert_eq!(span.meta("_dd.base_service"), Some("shop"));
        assert_eq!(span.meta("_dd.svc_src"), Some("m"));
        assert_eq!(span.meta("language"), Some("rust"));
        assert_eq!(span.meta("_dd.p.dm"), Some("-0"));
        assert!(is_uuid(span.meta("runtime-id").unwrap()));
        assert_eq!(span.metric("_sampling_priority_v1"), Some(1.0));
        assert_eq!(span.metric("_dd.top_level"), Some(1.0));
        assert_eq!(span.metric("process_id"), Some(f64::from(std::process::id())));
    }
}

// ===== errors =====

#[derive(Debug)]
struct BadPort(ParseIntError);

impl fmt::Display for BadPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bad port")
    }
}

impl Error for BadPort {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

fn errors(pair: &Pair) {
    let error = BadPort("eighty".parse::<u16>().unwrap_err());
    let root = pair.tracer.span("root").start();
    let child = |name: &'static str| pair.tracer.span(name).child_of(&root).start();
    child("typed").set_error(&error);
    let boxed: Box<dyn Error> = Box::new(error);
    child("boxed").set_error(&*boxed);
    let panic = std::panic::catch_unwind(|| std::panic::panic_any("out of eggs".to_owned()));
    child("panicked").set_panic(&*panic.unwrap_err());
    child("flagged").set_tag("error", true);
    let cleared = child("cleared");
    cleared.set_error_message("not so bad");
    cleared.set_tag("error", false);
    drop((cleared, root));

    let message = Some("bad port: invalid digit found in string");
    let stack = "Caused by:\n    0: invalid digit found in string";
    for (name, error, [kind, text]) in [
        ("typed", 1, [Some("agent_delivery::BadPort"), message]),
        ("boxed", 1, [Some("BadPort"), message]),
        ("panicked", 1, [Some("panic"), Some("out of eggs")]),
        ("flagged", 1, [None, None]),
        ("cleared", 0, [None, Some("not so bad")]),
        ("root", 0, [None, None]),
    ] {
        let span = pair.span(name);
        assert_eq!(span.error, error, "{name}");
        assert_eq!([span.meta("error.type"), span.meta("error.message")], [kind, text], "{name}");
        if kind.is_some_and(|kind| kind.ends_with("BadPort")) {
            let sent = span.meta("error.stack").unwrap();
            assert!(sent.starts_with(stack), "{name}: {sent}");
        }
    }
}

#[inline(never)]
fn where_it_happens(tracer: &Tracer, limit: Option<usize>) {
    let span = tracer.span(if limit.is_some() { "cut" } else { "whole" }).start();
    span.set_traceback(limit);
    span.finish();
}

fn tracebacks(pair: &Pair) {
    where_it_happens(&pair.tracer, None);
    where_it_happens(&pair.tracer, Some(2));
    for (name, most) in [("whole", 30), ("cut", 2)] {
        let span = pair.span(name);
        assert_eq!(span.error, 0);
        let stack = span.meta("error.stack").unwrap();
        let frames: Vec<&str> = stack
            .lines()
            .filter(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit()))
            .collect();
        assert!(frames[0].contains("agent_delivery::where_it_happens"), "{stack}");
        assert!((2..=most).contains(&frames.len()), "{stack}");
    }
}

// ===== texts, ids, times =====

fn texts(pair: &Pair) {
    let tracer = &pair.tracer;
    let root = tracer.span("texts").start();
    let empty = tracer.span("").resource("").service("").span_type("").child_of(&root).start();
    empty.set_tag("empty", "");
    empty.set_tag("", "no key");
    drop(empty);
    let foreign = tracer.span("größe").resource("価格 🛒").child_of(&root).start();
    foreign.set_tag("名前\0\n\"", "값\u{10ffff}");
    foreign.set_tag("bytes", &b"caf\xc3\xa9 \xff"[..]);
    drop(foreign);
    let huge = tracer.span("huge").child_of(&root).start();
    for unit in ["x", "é", "🛒"] {
        huge.set_tag(format!("fits {unit}"), unit.repeat(25_000));
        huge.set_tag(format!("long {unit}"), unit.repeat(25_001));
    }
    huge.set_resource("r".repeat(1_000_000));
    drop((huge, root));

    let empty = pair.span("");
    assert_eq!([&empty.service, &empty.resource, &empty.kind], ["shop", "", ""]);
    assert_eq!((empty.meta("empty"), empty.meta("")), (Some(""), Some("no key")));
    let foreign = pair.span("größe");
    assert_eq!(foreign.resource, "価格 🛒");
    assert_eq!(foreign.meta("名前\0\n\""), Some("값\u{10ffff}"));
    assert_eq!(foreign.meta("bytes"), Some("café \u{fffd}"));
    let huge = pair.span("huge");
    for unit in ["x", "é", "🛒"] {
        assert!(huge.meta(&format!("fits {unit}")) == Some(&unit.repeat(25_000)), "{unit}");
        let cut = format!("{}<truncated>...", unit.repeat(2_486));
        assert!(huge.meta(&format!("long {unit}")) == Some(&cut), "{unit}");
    }
    assert_eq!(huge.resource, format!("{}<truncated>...", "r".repeat(2_486)));
}

fn narrow_ids(builder: TracerBuilder) -> TracerBuilder {
    builder.trace_id_128_bit(false)
}

fn narrow(pair: &Pair) {
    let span = pair.tracer.span("narrow").start();
    let id = span.trace_id().unwrap();
    span.finish();
    let sent = pair.span("narrow");
    assert_eq!((u128::from(sent.trace_id), sent.meta("_dd.p.tid")), (id.get(), None));
}

fn times(pair: &Pair) {
    let start = UNIX_EPOCH + Duration::from_nanos(1_600_000_000_123_456_789);
    let second = Duration::from_secs(1);
    let tracer = &pair.tracer;
    tracer.span("told").start_time(start).start().finish_at(start + second);
    tracer.span("backwards").start_time(start).start().finish_at(start - second);
    let moved = tracer.span("moved").start();
    moved.set_start_time(start);
    moved.finish_at(start + 2 * second);
    tracer.span("now").start().finish();
    for (name, duration) in [("told", second), ("backwards", Duration::ZERO), ("moved", 2 * second)]
    {
        let span = pair.span(name);
        assert_eq!((span.start, span.duration), (1_600_000_000_123_456_789, nanoseconds(duration)));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let started = pair.span("now").start;
    assert!((nanoseconds(now) - started).abs() < nanoseconds(LIMIT), "{started}");
}

// ===== helpers =====

fn map<V, const N: usize>(entries: [(&str, V); N]) -> BTreeMap<String, V> {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap()
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}
