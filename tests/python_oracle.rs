//! The same program in Python's `ddtrace` and in Rust leaves the same spans at the same agent.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;
use tracehound::config::Environment;
use tracehound::{SpanEvent, SpanId, SpanLink, SpanRef, TagValue, TraceId, Tracer};
use tracehound_test_support::python::Script;
use tracehound_test_support::{Span, TestAgent, within};

use common::{LIMIT, Said};

/// What is done to a span: in Python, where it is `s`, and in Rust.
type Act = (&'static str, fn(&Tracer, &SpanRef));

/// What leaves the same spans.
#[rustfmt::skip]
const SAME: &[Act] = &[
    ("pass", |_, _| ()),
    ("s.set_tag('k', 'v')", |_, s| s.set_tag("k", "v")),
    ("s.set_tag('k', '')", |_, s| s.set_tag("k", "")),
    ("s.set_tag('', 'v')", |_, s| s.set_tag("", "v")),
    ("s.set_tag('a.b.c', 'größe 🛒\\0')", |_, s| s.set_tag("a.b.c", "größe 🛒\0")),
    ("s.set_tag('k' * 300, 'v')", |_, s| s.set_tag("k".repeat(300), "v")),
    ("s.set_tag('k', 'é' * 25000)", |_, s| s.set_tag("k", "é".repeat(25_000))),
    ("s.set_tag('k', 'é' * 25001)", |_, s| s.set_tag("k", "é".repeat(25_001))),
    ("s.set_tag('k', 7)", |_, s| s.set_tag("k", 7)),
    ("s.set_tag('k', -7)", |_, s| s.set_tag("k", -7)),
    ("s.set_tag('k', 2**53)", |_, s| s.set_tag("k", 1_u64 << 53)),
    ("s.set_tag('k', 2**63)", |_, s| s.set_tag("k", 1_u64 << 63)),
    ("s.set_tag('k', 2**64 + 1)", |_, s| s.set_tag("k", (1_u128 << 64) + 1)),
    ("s.set_tag('k', 1.5)", |_, s| s.set_tag("k", 1.5)),
    ("s.set_tag('k', float('nan'))", |_, s| s.set_tag("k", f64::NAN)),
    ("s.set_tag('k', float('-inf'))", |_, s| s.set_tag("k", f64::NEG_INFINITY)),
    ("s.set_tags({'a': '1', 'b': 2})",
        |_, s| s.set_tags([("a", TagValue::from("1")), ("b", TagValue::from(2))])),
    ("s.set_metric('k', 1)", |_, s| s.set_metric("k", 1.0)),
    ("s.set_metric('k', -0.25)", |_, s| s.set_metric("k", -0.25)),
    ("s.set_metric('k', 2**60)", |_, s| s.set_metric("k", 1_152_921_504_606_846_976.0)),
    ("s.set_metric('k', float('nan'))", |_, s| s.set_metric("k", f64::NAN)),
    ("s.set_metrics({'a': 1, 'b': 2.5})", |_, s| s.set_metrics([("a", 1.0), ("b", 2.5)])),
    ("s.set_tag('k', 'v'); s.set_metric('k', 1)",
        |_, s| { s.set_tag("k", "v"); s.set_metric("k", 1.0) }),
    ("s.set_metric('k', 1); s.set_tag('k', 'v')",
        |_, s| { s.set_metric("k", 1.0); s.set_tag("k", "v") }),
    ("s.set_tag('k', 'v'); s.remove_tag('k')",
        |_, s| { s.set_tag("k", "v"); s.remove_tag("k") }),
    ("s.set_metric('k', 1); s.remove_metric('k')",
        |_, s| { s.set_metric("k", 1.0); s.remove_tag("k") }),
    ("s.finish(); s.set_tag('k', 'late')", |_, s| { s.finish(); s.set_tag("k", "late") }),

    // Names that mean something.
    ("s.set_tag('http.status_code', 200)", |_, s| s.set_tag("http.status_code", 200)),
    ("s.set_tag('http.status_code', '404')", |_, s| s.set_tag("http.status_code", "404")),
    ("s.set_metric('http.status_code', 500)", |_, s| s.set_metric("http.status_code", 500.0)),
    ("s.set_tag('network.destination.port', '5432')",
        |_, s| s.set_tag("network.destination.port", "5432")),
    ("s.set_tag('network.destination.port', 'x')",
        |_, s| s.set_tag("network.destination.port", "x")),
    ("s.set_tag('span.kind', 'client')", |_, s| s.set_tag("span.kind", "client")),
    ("s.set_tag('span.kind', 'odd')", |_, s| s.set_tag("span.kind", "odd")),
    ("s.error = 1", |_, s| s.set_tag("error", true)),
    ("s.error = 1; s.error = 0", |_, s| { s.set_tag("error", true); s.set_tag("error", false) }),
    ("s.error = 1; s.set_tag('error.message', 'm')", |_, s| s.set_error_message("m")),
    ("s.set_tag('manual.keep', True)", |_, s| s.set_tag("manual.keep", true)),
    ("s.set_tag('manual.keep', '')", |_, s| s.set_tag("manual.keep", "")),
    ("s.set_tag('manual.keep')", |_, s| s.set_tag("manual.keep", ())),
    ("s.set_tag('manual.drop', None)", |_, s| s.set_tag("manual.drop", None::<bool>)),
    ("s.set_tag('manual.keep', [])", |_, s| s.set_tag("manual.keep", Vec::<u8>::new())),
    ("s.set_tag('manual.drop', float('nan'))", |_, s| s.set_tag("manual.drop", f64::NAN)),
    ("s.set_tag('manual.keep', -1)", |_, s| s.set_tag("manual.keep", -1)),
    ("s.set_tags({'manual.keep': None})", |_, s| s.set_tags([("manual.keep", ())])),
    ("s.set_tag('_dd.measured')", |_, s| s.set_tag("_dd.measured", ())),
    ("s.set_tag('http.status_code', 200.5)", |_, s| s.set_tag("http.status_code", 200.5)),
    ("s.set_metric('', 7)", |_, s| s.set_metric("", 7.0)),
    ("s.set_tag('k', 5e-324)", |_, s| s.set_tag("k", 5e-324)),
    ("s.set_tag('network.destination.port', 80.0)",
        |_, s| s.set_tag("network.destination.port", 80.0)),
    ("s.set_tag('manual.drop', 'yes')", |_, s| s.set_tag("manual.drop", "yes")),
    ("s.set_tag('manual.drop', True); s.set_tag('manual.keep', True)",
        |_, s| { s.drop_trace(); s.keep_trace() }),
    ("s.set_tag('_dd1.sr.eausr', 0.5)", |_, s| s.set_tag("_dd1.sr.eausr", 0.5)),
    ("s.set_tag('_dd.measured', True)", |_, s| s.set_tag("_dd.measured", true)),
    ("s.set_metric('_dd.measured', 7)", |_, s| s.set_metric("_dd.measured", 7.0)),
    ("s.set_tag('service.version', '2')", |_, s| s.set_tag("service.version", "2")),
    ("s.set_tag('version', '9')", |_, s| s.set_tag("version", "9")),
    ("s.set_tag('env', 'test')", |_, s| s.set_tag("env", "test")),
    ("s.set_tag('team', 'cart')", |_, s| s.set_tag("team", "cart")),
    ("s.set_tag('language', 'x')", |_, s| s.set_tag("language", "x")),
    ("s.set_tag('runtime-id', 'x')", |_, s| s.set_tag("runtime-id", "x")),
    ("s.set_tag('process_id', 'x')", |_, s| s.set_tag("process_id", "x")),
    ("s.set_metric('_dd.top_level', 0)", |_, s| s.set_metric("_dd.top_level", 0.0)),
    ("s.set_tag('_dd.origin', 'x')", |_, s| s.set_tag("_dd.origin", "x")),

    // Fields.
    ("s.name = 'n'", |_, s| s.set_name("n")),
    ("s.resource = 'r'", |_, s| s.set_resource("r")),
    ("s.span_type = 'web'", |_, s| s.set_type("web")),
    ("s.span_type = ''", |_, s| s.set_type("")),
    ("s._set_struct_tag('k', {'a': [1, 'x', None]})",
        |_, s| s.set_struct_tag("k", &json!({"a": [1, "x", null]})).unwrap()),
    ("s.set_link((5 << 64) | 7, 8, tracestate='dd=s:1', flags=1, attributes={'a': '1'})",
        |_, s| s.add_link(link(5, 7).tracestate("dd=s:1").sampled(true).attribute("a", "1"))),
    ("s.set_link(7, 8); s.set_link(7, 8, flags=0, attributes={'k': 'v'})",
        |_, s| {
            s.add_link(link(0, 7));
            s.add_link(link(0, 7).sampled(false).attribute("k", "v"));
        }),
    ("s.set_link(7, 8, attributes={'n': 3, 'b': True, 'f': 1.5, 'l': ['a', [2, False]], 'e': []})",
        |_, s| s.add_link(link(0, 7).attribute("n", 3_u8).attribute("b", true).attribute("f", 1.5)
            .attribute("l", TagValue::List(vec!["a".into(), vec![TagValue::from(2), false.into()].into()]))
            .attribute("e", Vec::<u8>::new()))),
    ("s._add_event('e', {'u': 3, 'n': [-1, 2**63 - 1]}, 5)",
        |_, s| s.add_event(event(5).attribute("u", 3_usize).attribute("n", [-1, i64::MAX]))),
    ("s._add_event('e', {'t': 'x', 'b': True, 'i': 7, 'f': 0.0, 'a': [1, 2]}, 1700000000000000123)",
        |_, s| s.add_event(event(1_700_000_000_000_000_123)
            .attribute("t", "x").attribute("b", true).attribute("i", 7).attribute("f", 0.0)
            .attribute("a", vec![1, 2]))),
    ("s._add_event('e', None, 5); s._add_event('e', {}, 4)",
        |_, s| { s.add_event(event(5)); s.add_event(event(4)) }),

    // Children.
    ("tracer.trace('child').finish()", |t, _| t.trace("child").finish()),
    ("tracer.trace('child', service='db', resource='r', span_type='sql').finish()",
        |t, _| t.span("child").service("db").resource("r").span_type("sql").start().finish()),
    ("with tracer.trace('child', service='db'): tracer.trace('below').finish()",
        |t, _| t.span("child").service("db").in_scope(|_| t.trace("below").finish())),
    ("tracer.start_span('child', child_of=s).finish()",
        |t, s| t.span("child").child_of(s).start().finish()),
    ("with tracer.trace('child') as c: c.set_tag('manual.drop', True)",
        |t, _| t.in_span("child", SpanRef::drop_trace)),
    ("c = tracer.trace('child'); c.error = 1; s._finish_with_ancestors(); c.finish()",
        |t, s| {
            let child = t.trace("child");
            child.set_tag("error", true);
            s.finish_with_ancestors();
        }),
];

/// What leaves other spans, with what is added to (`+`) or missing from (`-`) a span left alone, in Python
/// and in Rust, and the reason.
struct Differs {
    act: Act,
    python: &'static [&'static str],
    rust: &'static [&'static str],
    #[allow(dead_code, reason = "for the reader")]
    because: &'static str,
}

#[rustfmt::skip]
const DIFFERENT: &[Differs] = &[
    Differs {
        act: ("s.set_tag('k', 'v'); s.set_tag('k', None)",
            |_, s| { s.set_tag("k", "v"); s.set_tag("k", None::<&str>) }),
        python: &["+meta k \"None\""], rust: &[],
        because: "no value removes a tag; Python writes its word for it",
    },
    Differs {
        act: ("s.set_tag('k', True)", |_, s| s.set_tag("k", true)),
        python: &["+meta k \"True\""], rust: &["+meta k \"true\""],
        because: "lower case, as all tracers but Python's write it",
    },
    Differs {
        act: ("s.set_tag('k', 2**53 + 1)", |_, s| s.set_tag("k", (1_u64 << 53) + 1)),
        python: &["+metric k 9007199254740992"], rust: &["+meta k \"9007199254740993\""],
        because: "an id is not to lose its last digit; older versions of Python's wrote text, too",
    },
    Differs {
        act: ("s.set_tag('k', [1, 'a'])",
            |_, s| s.set_tag("k", TagValue::List(vec![1.into(), "a".into()]))),
        python: &["+meta k \"[1, 'a']\""], rust: &["+meta k.1 \"a\"", "+metric k.0 1"],
        because: "lists are flattened, so that one can search for an element",
    },
    Differs {
        act: ("s.set_tag('k', [])", |_, s| s.set_tag("k", Vec::<i32>::new())),
        python: &["+meta k \"[]\""], rust: &[],
        because: "as above",
    },
    Differs {
        act: ("s.set_tag('k', {'a': 1})",
            |_, s| s.set_tag("k", TagValue::Map(vec![("a".into(), 1.into())]))),
        python: &["+meta k \"{'a': 1}\""], rust: &["+metric k.a 1"],
        because: "as above",
    },
    Differs {
        act: ("s.set_tag('k', b'abc')", |_, s| s.set_tag("k", &b"abc"[..])),
        python: &["+meta k \"b'abc'\""], rust: &["+meta k \"abc\""],
        because: "bytes are text; Python writes its notation for them",
    },
    Differs {
        act: ("s.set_tag('service.name', 'other')", |_, s| s.set_tag("service.name", "other")),
        python: &["+meta _dd.base_service \"shop\"", "+meta service.name \"other\"",
            "+service other", "-service shop"],
        rust: &["+meta _dd.base_service \"shop\"", "+meta _dd.svc_src \"m\"",
            "+service other", "-meta version \"1.4.2\"", "-service shop"],
        because: "the source of the service is always said, the version is that of the configured \
            service only, and a field is not said twice",
    },
    Differs {
        act: ("s.service = 'other'", |_, s| s.set_service("other")),
        python: &["+meta _dd.base_service \"shop\"", "+service other", "-service shop"],
        rust: &["+meta _dd.base_service \"shop\"", "+meta _dd.svc_src \"m\"",
            "+service other", "-meta version \"1.4.2\"", "-service shop"],
        because: "as above; Python decides about both when the span starts",
    },
    Differs {
        act: ("s.service = 'redis'", |_, s| s.set_service("redis")),
        python: &["+meta _dd.base_service \"shop\"", "+service redis", "-service shop"],
        rust: &["+meta _dd.base_service \"shop\"", "+meta _dd.svc_src \"opt.service_mapping\"",
            "+service shop-cache", "-meta version \"1.4.2\"", "-service shop"],
        because: "DD_SERVICE_MAPPING holds for services that are set late as well",
    },
    Differs {
        act: ("s.service = 'SHOP'", |_, s| s.set_service("SHOP")),
        python: &["+service SHOP", "-service shop"], rust: &["+service SHOP", "-service shop"],
        because: "the same here, but see the next",
    },
    Differs {
        act: ("tracer.trace('child', service='SHOP').finish()",
            |t, _| t.span("child").service("SHOP").start().finish()),
        python: &["child +meta _dd.svc_src \"m\"", "child +resource child", "child +service SHOP",
            "child -meta _dd.p.dm \"-0\"", "child -meta version \"1.4.2\"",
            "child -metric _sampling_priority_v1 1", "child -resource resource",
            "child -service shop"],
        rust: &["child +resource child", "child +service SHOP", "child -meta _dd.p.dm \"-0\"",
            "child -metric _sampling_priority_v1 1", "child -resource resource",
            "child -service shop"],
        because: "services are the same in any case of their letters: the agent lowers them",
    },
    Differs {
        act: ("tracer.trace('child', service='redis').finish()",
            |t, _| t.span("child").service("redis").start().finish()),
        python: &["child +meta _dd.base_service \"shop\"", "child +meta _dd.svc_src \"m\"",
            "child +resource child", "child +service shop-cache", "child -meta _dd.p.dm \"-0\"",
            "child -meta version \"1.4.2\"", "child -metric _sampling_priority_v1 1",
            "child -resource resource", "child -service shop"],
        rust: &["child +meta _dd.base_service \"shop\"",
            "child +meta _dd.svc_src \"opt.service_mapping\"",
            "child +resource child", "child +service shop-cache", "child -meta _dd.p.dm \"-0\"",
            "child -meta version \"1.4.2\"", "child -metric _sampling_priority_v1 1",
            "child -resource resource", "child -service shop"],
        because: "it was the mapping that chose the name",
    },
    Differs {
        act: ("tracer.trace('child', service='shop').finish()",
            |t, _| t.span("child").service("shop").start().finish()),
        python: &["child +meta _dd.svc_src \"m\"", "child +resource child",
            "child -meta _dd.p.dm \"-0\"", "child -metric _dd.top_level 1",
            "child -metric _sampling_priority_v1 1", "child -resource resource"],
        rust: &["child +resource child", "child -meta _dd.p.dm \"-0\"",
            "child -metric _dd.top_level 1", "child -metric _sampling_priority_v1 1",
            "child -resource resource"],
        because: "the configured service has no source to explain",
    },
    Differs {
        act: ("s.service = ''", |_, s| s.set_service("")),
        python: &["+service ", "-service shop"], rust: &[],
        because: "no service is the configured one; the agent would call it unnamed-service",
    },
    Differs {
        act: ("s.resource = ''", |_, s| s.set_resource("")),
        python: &["+resource ", "-resource resource"], rust: &["+resource op", "-resource resource"],
        because: "no resource is the name; the agent would put it there, too",
    },
    Differs {
        act: ("s.set_tag('resource.name', 'r')", |_, s| s.set_tag("resource.name", "r")),
        python: &["+meta resource.name \"r\""], rust: &["+resource r", "-resource resource"],
        because: "a tag that names a field sets it, as in most tracers",
    },
    Differs {
        act: ("s.set_tag('span.type', 'web')", |_, s| s.set_tag("span.type", "web")),
        python: &["+meta span.type \"web\""], rust: &["+type web", "-type "],
        because: "as above",
    },
    Differs {
        act: ("s.set_tag('error', True)", |_, s| s.set_tag("error", true)),
        python: &["+meta error \"True\""], rust: &["+error 1", "-error 0"],
        because: "as above",
    },
    Differs {
        act: ("s.set_tag('http.status_code', float('nan'))",
            |_, s| s.set_tag("http.status_code", f64::NAN)),
        python: &["+meta http.status_code \"nan\""], rust: &[],
        because: "what is no number is no status, and is dropped as it is for other tags",
    },
    Differs {
        act: ("s.set_tag('http.status_code', [200])",
            |_, s| s.set_tag("http.status_code", [200])),
        python: &["+meta http.status_code \"[200]\""], rust: &["+metric http.status_code.0 200"],
        because: "lists are flattened",
    },
    Differs {
        act: ("s._add_event('e', {'i': 2**63}, 5)",
            |_, s| s.add_event(event(5).attribute("i", 1_u64 << 63))),
        python: &["+event SpanEvent { time_unix_nano: 5, name: \"e\", attributes: {\"i\": Object \
            {\"double_value\": Number(9.223372036854776e+18), \"type\": Number(3)}} }"],
        rust: &["+event SpanEvent { time_unix_nano: 5, name: \"e\", attributes: {\"i\": Object \
            {\"string_value\": String(\"9223372036854775808\"), \"type\": Number(0)}} }"],
        because: "an id is not to lose its last digits, as in a tag",
    },
    Differs {
        act: ("s.set_tag('k', -2**63)", |_, s| s.set_tag("k", i64::MIN)),
        python: &["+metric k -9223372036854776000"], rust: &["+meta k \"-9223372036854775808\""],
        because: "as above",
    },
    Differs {
        act: ("s.set_metric('span.kind', 7)", |_, s| s.set_metric("span.kind", 7.0)),
        python: &["+metric span.kind 7", "-meta span.kind \"internal\""],
        rust: &["+meta span.kind \"7\"", "-meta span.kind \"internal\""],
        because: "a kind is a text, whatever is given for it",
    },
    Differs {
        act: ("s.set_tag('manual.keep', False)", |_, s| s.set_tag("manual.keep", false)),
        python: &["+meta _dd.p.dm \"-4\"", "+metric _sampling_priority_v1 2",
            "-meta _dd.p.dm \"-0\"", "-metric _sampling_priority_v1 1"],
        rust: &[],
        because: "who says no does not mean yes",
    },
    Differs {
        act: ("s.set_tag('sampling.priority', -1)", |_, s| s.set_tag("sampling.priority", -1)),
        python: &["+metric sampling.priority -1"],
        rust: &["+meta _dd.p.dm \"-4\"", "+metric _sampling_priority_v1 -1",
            "-meta _dd.p.dm \"-0\"", "-metric _sampling_priority_v1 1"],
        because: "the tag of OpenTracing for it",
    },
    Differs {
        act: ("s.set_tag('analytics.event', True)", |_, s| s.set_tag("analytics.event", true)),
        python: &["+meta analytics.event \"True\""], rust: &["+metric _dd1.sr.eausr 1"],
        because: "the tag of OpenTelemetry for it",
    },
    Differs {
        act: ("s.set_tag('_dd.measured', False)", |_, s| s.set_tag("_dd.measured", false)),
        python: &["+metric _dd.measured 0"], rust: &[],
        because: "absent and zero mean the same to the agent",
    },
    Differs {
        act: ("s.set_tag('_dd.p.dm', 'x')", |_, s| s.set_tag("_dd.p.dm", "x")),
        python: &["+meta _dd.p.dm \"x\"", "-meta _dd.p.dm \"-0\""], rust: &[],
        because: "what the tracer says about its decision is not the user's to write",
    },
    Differs {
        act: ("s.set_metric('_sampling_priority_v1', 7)",
            |_, s| s.set_metric("_sampling_priority_v1", 7.0)),
        python: &["+metric _sampling_priority_v1 7", "-metric _sampling_priority_v1 1"], rust: &[],
        because: "as above",
    },
    Differs {
        act: ("s.set_link(7, 8); s.set_link(9, 8)",
            |_, s| { s.add_link(link(0, 7)); s.add_link(link(0, 9)) }),
        python: &["+link 9 8"], rust: &["+link 7 8", "+link 9 8"],
        because: "spans of different traces are different spans, even with one id",
    },
    Differs {
        act: ("try:\n    raise ValueError('boom')\nexcept ValueError as e:\n    \
            s.set_exc_info(type(e), e, e.__traceback__)", |_, s| s.set_error(&Boom)),
        python: &["+error 1", "+meta error.message \"boom\"",
            "+meta error.type \"builtins.ValueError\"", "-error 0"],
        rust: &["+error 1", "+meta error.message \"boom\"",
            "+meta error.type \"python_oracle::Boom\"", "-error 0"],
        because: "the names of types are those of the language",
    },
    Differs {
        act: ("tracer.start_span('child', child_of=s.context).finish()",
            |t, s| t.span("child").child_of(s.propagation_context()).start().finish()),
        python: &["child +resource child", "child -meta _dd.p.dm \"-0\"",
            "child -metric _sampling_priority_v1 1", "child -resource resource"],
        rust: &["child +resource child", "child -resource resource"],
        because: "a context alone makes a chunk of its own, which says the decision again",
    },
];

#[derive(Debug)]
struct Boom;

impl std::fmt::Display for Boom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("boom")
    }
}

impl std::error::Error for Boom {}

fn link(high: u64, low: u64) -> SpanLink {
    SpanLink::new(TraceId::from_halves(high, low).unwrap(), SpanId::new(8).unwrap())
}

fn event(ns: u64) -> SpanEvent {
    SpanEvent::at("e", UNIX_EPOCH + Duration::from_nanos(ns))
}

/// Settings that both have.
const VARIABLES: [(&str, &str); 6] = [
    ("DD_SERVICE", "shop"),
    ("DD_ENV", "prod"),
    ("DD_VERSION", "1.4.2"),
    ("DD_TAGS", "team:payments,region:eu west,span.kind:internal"),
    ("DD_SERVICE_MAPPING", "redis:shop-cache"),
    ("DD_TRACE_NATIVE_SPAN_EVENTS", "true"),
];

const PROGRAM: &str = "
from ddtrace.trace import tracer

def handle(acts):
    for number, act in enumerate(acts):
        with tracer.trace('op', resource='resource') as s:
            s.set_metric('act', number)
            exec(act, {'s': s, 'tracer': tracer})
";

fn in_python(acts: &[Act], agent: &TestAgent) {
    let mut script = Script::new(PROGRAM)
        .env("DD_TRACE_AGENT_URL", agent.url())
        // The format that carries all fields.
        .env("DD_TRACE_API_VERSION", "v0.4");
    for (name, value) in VARIABLES {
        script = script.env(name, value);
    }
    let python = script.serve();
    python.call(&acts.iter().map(|(python, _)| *python).collect());
    python.stop();
}

fn in_rust(acts: &[Act], agent: &TestAgent) {
    let tracer = common::builder(&agent.url(), &Said::default())
        .environment(Environment::from_pairs(VARIABLES))
        .build();
    for (number, (_, rust)) in (0..).zip(acts) {
        let span = tracer.span("op").resource("resource").enter();
        span.set_metric("act", f64::from(number));
        rust(&tracer, &span);
    }
    tracer.shutdown(LIMIT).unwrap();
}

/// What the spans of each act say, one line for each thing, a child's lines beginning with its name.
fn said(agent: &TestAgent) -> BTreeMap<usize, Vec<Vec<String>>> {
    let acts = agent.traces().into_iter().map(|spans| {
        let number = spans.iter().find_map(|span| span.metric("act")).unwrap();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small index")]
        (number as usize, spans.iter().map(lines).collect())
    });
    acts.collect()
}

/// All that a span says, but for what differs by itself: ids, times, the process, the language, stacks.
fn lines(span: &Span) -> Vec<String> {
    const BY_ITSELF: [&str; 8] = [
        "_dd.p.tid",
        "_dd.tags.process",
        "_dd.tracer_kr",
        "act",
        "error.stack",
        "language",
        "process_id",
        "runtime-id",
    ];
    let mut lines = vec![
        format!("service {}", span.service),
        format!("resource {}", span.resource),
        format!("type {}", span.kind),
        format!("error {}", span.error),
    ];
    if span.metric("act").is_some() && span.name != "op" {
        lines.push(format!("name {}", span.name));
    }
    for link in &span.span_links {
        let mut line = format!("link {} {}", link.trace_id, link.span_id);
        if !link.attributes.is_empty() || link.flags.is_some() || link.trace_id_high != 0 {
            line += &format!(" {link:?}");
        }
        lines.push(line);
    }
    lines.extend(span.span_events.iter().map(|event| format!("event {event:?}")));
    lines.extend(span.meta_struct.iter().map(|(key, value)| format!("struct {key} {value}")));
    let meta = span.meta.iter().map(|(key, value)| (key, format!("meta {key} {value:?}")));
    let metrics = span.metrics.iter().map(|(key, value)| (key, format!("metric {key} {value}")));
    let tags = meta.chain(metrics).filter(|(key, _)| !BY_ITSELF.contains(&key.as_str()));
    lines.extend(tags.map(|(_, line)| line));
    if span.metric("act").is_none() {
        lines.iter_mut().for_each(|line| *line = format!("{} {line}", span.name));
    }
    lines.sort();
    lines
}

/// What was added to and what is missing from a span left alone.
fn changes(spans: &[Vec<String>], alone: &[String]) -> Vec<String> {
    let mut changes = Vec::new();
    for lines in spans {
        // A child's lines begin with its name.
        let name = lines[0].split(' ').next().filter(|name| *name == "child");
        let prefix = name.map(|name| format!("{name} ")).unwrap_or_default();
        let lines: Vec<&str> =
            lines.iter().map(|line| line.strip_prefix(&*prefix).unwrap()).collect();
        let added = lines.iter().filter(|line| !alone.iter().any(|other| other == *line));
        changes.extend(added.map(|line| format!("{prefix}+{line}")));
        let missing = alone.iter().filter(|line| !lines.contains(&line.as_str()));
        changes.extend(missing.map(|line| format!("{prefix}-{line}")));
    }
    changes.sort();
    changes
}

#[test]
fn python_and_rust_leave_the_same_spans_but_for_what_is_listed() {
    within(3 * LIMIT, || {
        let acts: Vec<Act> =
            SAME.iter().copied().chain(DIFFERENT.iter().map(|differs| differs.act)).collect();
        let (of_python, of_rust) = (TestAgent::start(), TestAgent::start());
        in_python(&acts, &of_python);
        in_rust(&acts, &of_rust);
        for agent in [&of_python, &of_rust] {
            agent.assert_no_check_failures();
        }

        let (python, rust) = (said(&of_python), said(&of_rust));
        assert_eq!((python.len(), rust.len()), (acts.len(), acts.len()));
        let mut wrong = Vec::new();
        for (number, (act, _)) in SAME.iter().enumerate() {
            if python[&number] != rust[&number] {
                let (python, rust) = (&python[&number], &rust[&number]);
                wrong.push(format!("{act}\n  python {python:.2000?}\n  rust   {rust:.2000?}"));
            }
        }
        let alone = &python[&0][0];
        for (number, differs) in (SAME.len()..).zip(DIFFERENT) {
            let found = (changes(&python[&number], alone), changes(&rust[&number], alone));
            if found.0 != differs.python || found.1 != differs.rust {
                let act = differs.act.0;
                wrong.push(format!("{act}\n  python {:?}\n  rust   {:?}", found.0, found.1));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}
