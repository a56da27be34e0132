//! One trace and one active span, whichever API a span was made with.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::HashMap;
use std::thread;

use opentelemetry::trace::{Status, TraceContextExt, Tracer as _};
use opentelemetry::{Context as OtelContext, KeyValue};
use opentracing_rs::{Format, Span, fields};
use tracehound::FutureExt as _;
use tracehound::testing::Captured;
use tracehound_opentracing::{native_context, native_span};

use common::all_tracers;

fn id(span: &Span) -> Option<String> {
    span.context().span_id()
}

/// The active span as each API sees it.
fn seen(
    tracer: &tracehound_opentracing::Tracer,
    native: &tracehound::Tracer,
) -> [Option<String>; 3] {
    let of_otel = OtelContext::map_current(|cx| {
        let context = cx.span().span_context().clone();
        context.is_valid().then(|| context.span_id().to_string())
    });
    let of_native = native.current_span().and_then(|span| span.span_id()).map(|id| id.to_string());
    [tracer.active_span().and_then(|span| id(&span)), of_native, of_otel]
}

/// The trees, without what the bridge of OpenTelemetry may say of the library that made a span.
fn tree(captured: &Captured) -> String {
    captured.tree().replace(" otel.scope.name=test", "")
}

// ===== parents =====

#[test]
fn each_api_makes_children_below_each() {
    let (tracer, native, otel, captured) = all_tracers();
    let ot = |name: &'static str, work: &dyn Fn()| tracer.in_span(name, |_| work());
    let nat = |name: &'static str, work: &dyn Fn()| native.in_span(name, |_| work());
    let tel = |name: &'static str, work: &dyn Fn()| otel.in_span(name, |_| work());
    let leaves = || {
        ot("ot", &|| ());
        nat("native", &|| ());
        tel("otel", &|| ());
    };
    ot("ot", &|| {
        ot("ot", &leaves);
        nat("native", &leaves);
        tel("otel", &leaves);
    });
    nat("native", &|| ot("ot", &leaves));
    tel("otel", &|| ot("ot", &leaves));
    let leaves = |depth: &str| format!("{depth}ot\n{depth}native\n{depth}internal [otel]\n");
    let (two, four) = (leaves("    "), "  ");
    assert_eq!(
        tree(&captured),
        format!(
            "ot\n{four}ot\n{two}{four}native\n{two}{four}internal [otel]\n{two}\
             native\n{four}ot\n{two}internal [otel]\n{four}ot\n{two}"
        )
    );
    assert_eq!(captured.chunks().len(), 3, "each trace is one");
}

#[test]
fn each_api_can_name_a_parent_of_another() {
    let (tracer, native, otel, captured) = all_tracers();
    let root = tracer.start_span("ot");
    native.span("native").child_of(native_span(&root).unwrap()).start().finish();
    native.span("of context").child_of(native_context(&root.context())).start().finish();
    {
        let _scope = native.activate(native_context(&root.context()));
        drop(otel.start("otel"));
    }
    let middle = native.span("middle").child_of(native_span(&root).unwrap()).start();
    tracer.build_span("of native").child_of(&tracer.wrap(&middle)).start().finish();
    drop(middle);
    root.finish();
    assert_eq!(
        tree(&captured),
        "ot\n  native\n  of context\n  internal [otel]\n  middle\n    of native\n"
    );
}

// ===== what is active =====

#[test]
fn each_api_sees_what_another_has_made_active() {
    let (tracer, native, otel, _) = all_tracers();
    assert_eq!(seen(&tracer, &native), [None, None, None]);
    let scope = tracer.start_active_span("ot");
    assert_eq!(seen(&tracer, &native), [id(&scope), id(&scope), id(&scope)]);
    native.in_span("native", |span| {
        let id = span.span_id().map(|id| id.to_string());
        assert_eq!(seen(&tracer, &native), [id.clone(), id.clone(), id]);
    });
    otel.in_span("otel", |cx| {
        let id = Some(cx.span().span_context().span_id().to_string());
        assert_eq!(seen(&tracer, &native), [id.clone(), id.clone(), id]);
    });
    assert_eq!(seen(&tracer, &native), [id(&scope), id(&scope), id(&scope)]);
    scope.close();
    assert_eq!(seen(&tracer, &native), [None, None, None]);
}

#[test]
fn each_api_changes_the_span_of_another() {
    let (tracer, native, otel, captured) = all_tracers();
    native.in_span("native", |_| {
        tracer.active_span().unwrap().set_tag("by.ot", 1).set_operation_name("renamed");
    });
    otel.in_span("otel", |_| {
        let span = tracer.active_span().unwrap();
        span.set_tag("resource.name", "GET /").set_tag("by.ot", "1").log_event("seen");
    });
    tracer.in_span("ot", |_| {
        native.current_span().unwrap().set_tag("by.native", 1);
        OtelContext::map_current(|cx| cx.span().set_attribute(KeyValue::new("by.otel", 1)));
    });
    assert_eq!(
        tree(&captured),
        "renamed by.ot=1\ninternal [GET /] by.ot=1\not by.native=1 by.otel=1\n"
    );
    assert_eq!(captured.span("internal").events.len(), 1);
}

#[test]
fn a_span_of_any_api_can_be_finished_by_opentracing() {
    let (tracer, native, otel, captured) = all_tracers();
    let span = native.start_span("native").detach();
    tracer.wrap(&span).finish();
    assert!(!span.is_open());
    otel.in_span("otel", |_| tracer.active_span().unwrap().finish());
    let span = tracer.start_span("ot");
    native_span(&span).unwrap().finish();
    span.set_tag("late", 1).finish();
    assert_eq!(tree(&captured), "native\ninternal [otel]\not\n");
}

#[test]
fn an_active_span_that_has_finished_gives_way_to_its_ancestor() {
    let (tracer, native, _, captured) = all_tracers();
    let outer = native.trace("outer");
    let inner = tracer.start_active_span("inner");
    inner.finish();
    assert_eq!(tracer.active_span().and_then(|span| id(&span)), id(&tracer.wrap(&outer)));
    tracer.start_span("child").finish();
    inner.close();
    drop(outer);
    assert_eq!(tree(&captured), "outer\n  inner\n  child\n");
}

#[test]
fn a_scope_below_an_active_span_of_another_api_is_out_of_order() {
    let (tracer, native, otel, captured) = all_tracers();
    let scope = tracer.start_active_span("ot");
    let span = scope.span().clone();
    let below = native.trace("native");
    scope.close();
    assert!(native_span(&span).unwrap().is_open(), "its work goes on");
    drop(below);
    span.finish();
    assert_eq!(seen(&tracer, &native), [None, None, None]);

    let scope = tracer.start_active_span("ot again");
    let attached = OtelContext::current_with_span(otel.start("otel")).attach();
    let span = scope.span().clone();
    scope.close();
    assert!(native_span(&span).unwrap().is_open());
    drop(attached);
    span.finish();
    assert_eq!(tree(&captured), "ot\n  native\not again\n  internal [otel]\n");
}

// ===== errors and baggage =====

#[test]
fn errors_are_marked_through_any_api() {
    let (tracer, native, otel, captured) = all_tracers();
    native.in_span("native", |_| {
        let fields = [(fields::EVENT, fields::EVENT_ERROR.into()), (fields::MESSAGE, "a".into())];
        tracer.active_span().unwrap().log(&fields);
    });
    otel.in_span("otel", |_| {
        tracer.active_span().unwrap().set_tag("error", true);
    });
    tracer.in_span("ot", |_| native.current_span().unwrap().set_error_message("b"));
    tracer.in_span("ot too", |_| {
        OtelContext::map_current(|cx| cx.span().set_status(Status::error("c")));
    });
    assert_eq!(
        tree(&captured),
        "native ! error.message=a\ninternal [otel] !\not ! error.message=b\not too ! error.message=c\n"
    );
}

#[test]
fn baggage_is_one() {
    let (tracer, native, otel, _) = all_tracers();
    let root = tracer.start_active_span("ot");
    root.set_baggage_item("by.ot", "1");
    native.in_span("native", |span| {
        assert_eq!(span.baggage_item("by.ot").as_deref(), Some("1"));
        span.set_baggage_item("by.native", "2");
        otel.in_span("otel", |_| {
            let span = tracer.active_span().unwrap();
            assert_eq!(span.baggage_item("by.ot").as_deref(), Some("1"));
            assert_eq!(span.baggage_item("by.native").as_deref(), Some("2"));
            let child = tracer.start_active_span("child").set_baggage_item("late", "3").context();
            assert_eq!(child.baggage().len(), 3);
            let mut headers = HashMap::new();
            tracer.inject(&child, Format::HttpHeaders, &mut headers).unwrap();
            assert_eq!(headers["baggage"], "by.ot=1,by.native=2,late=3");
            assert_eq!(headers["ot-baggage-late"], "3");
        });
    });
    assert_eq!(root.context().baggage().len(), 1, "what is set below is not seen above");
}

#[test]
fn what_one_api_injects_another_extracts() {
    let (tracer, native, _, captured) = all_tracers();
    let client = tracer.start_span("ot client");
    client.set_baggage_item("tenant", "acme");
    let mut headers: HashMap<String, String> = HashMap::new();
    tracer.inject(&client.context(), Format::HttpHeaders, &mut headers).unwrap();
    let server = native.span("native server").child_of(native.extract(&headers)).enter();
    assert_eq!(server.baggage_item("tenant").as_deref(), Some("acme"));
    let mut headers: HashMap<String, String> = HashMap::new();
    native.inject(&mut headers);
    drop(server);
    let caller = tracer.extract(Format::HttpHeaders, &headers).unwrap();
    assert_eq!(caller.as_ref().unwrap().baggage().get("tenant"), Some("acme"));
    tracer.build_span("ot server").child_of(caller).start().finish();
    client.finish();
    assert_eq!(tree(&captured), "ot client\n  native server\n    ot server\n");
}

// ===== threads =====

#[test]
fn a_place_goes_to_another_thread_by_any_api() {
    let (tracer, native, otel, captured) = all_tracers();
    let root = tracer.start_active_span("ot");
    let (here, there) = (native.context(), OtelContext::current());
    let span = root.span();
    thread::scope(|threads| {
        threads.spawn(|| {
            assert_eq!(seen(&tracer, &native), [None, None, None]);
            let _scope = span.activate();
            otel.in_span("by ot", |_| ());
        });
    });
    thread::scope(|threads| {
        threads.spawn(|| {
            let _scope = native.activate(here);
            tracer.in_span("by native", |_| ());
        });
    });
    thread::scope(|threads| {
        threads.spawn(|| {
            let _guard = there.attach();
            tracer.in_span("by otel", |_| native.in_span("below", |_| ()));
        });
    });
    root.close();
    assert_eq!(tree(&captured), "ot\n  internal [by ot]\n  by native\n  by otel\n    below\n");
}

// ===== futures =====

#[test]
fn futures_of_all_apis_nest() {
    use opentelemetry::context::FutureExt as _;
    use opentracing_rs::FutureExt as _;

    common::on_both(|| async {
        let (tracer, native, otel, captured) = all_tracers();
        let pause = tokio::task::yield_now;
        let innermost = async {
            pause().await;
            tracer.start_span("leaf").finish();
            native.in_span("native leaf", |_| ());
            pause().await;
            drop(otel.start("otel leaf"));
        };
        let of_otel = async {
            pause().await;
            let span = tracer.start_span("ot inner");
            opentracing_rs::FutureExt::in_span(innermost, span).await;
            pause().await;
            assert_eq!(
                tracer.active_span().and_then(|span| span.context().span_id()),
                OtelContext::map_current(|cx| Some(cx.span().span_context().span_id().to_string()))
            );
        };
        let of_native = async {
            pause().await;
            let cx = OtelContext::current_with_span(otel.start("otel"));
            of_otel.with_context(cx).await;
        };
        let outer = async {
            pause().await;
            let span = native.span("native").start();
            tracehound::FutureExt::in_span(of_native, span).await;
        };
        let root = tracer.start_span("ot");
        outer.with_active_span(root.clone()).await;
        root.finish();
        assert!(tracer.active_span().is_none());
        assert_eq!(
            tree(&captured),
            "ot\n  native\n    internal [otel]\n      ot inner\n        leaf\n        native leaf\n        \
             internal [otel leaf]\n"
        );
    });
}

#[test]
fn tasks_and_branches_keep_their_spans_apart() {
    use opentracing_rs::FutureExt as _;

    common::on_both(|| async {
        let (tracer, native, _, captured) = all_tracers();
        let root = tracer.start_span("root");
        let branch = |name: &'static str| {
            let (tracer, native) = (tracer.clone(), native.clone());
            let span = tracer.build_span(name).child_of(&root).start();
            let inside = async move {
                for _ in 0..5 {
                    tokio::task::yield_now().await;
                    native.in_span("step", |_| tracer.in_span("ot step", |_| ()));
                }
            };
            opentracing_rs::FutureExt::in_span(inside, span)
        };
        let (a, b) = (branch("a"), branch("b"));
        let spawned = tokio::spawn(branch("spawned"));
        tokio::join!(a, b);
        spawned.await.unwrap();
        // What is spawned inherits nothing, and can be given a place of any API.
        let inherits = native.clone();
        let given = {
            let tracer = tracer.clone();
            async move { tracer.start_span("given").finish() }
        };
        async {
            tokio::spawn(async move { assert!(inherits.current_span().is_none()) }).await.unwrap();
            tokio::spawn(given.in_context(native.context())).await.unwrap();
        }
        .with_active_span(root.clone())
        .await;
        root.finish();

        let spans = captured.spans();
        let root = captured.span("root");
        for name in ["a", "b", "spawned"] {
            let branch = captured.span(name);
            assert_eq!(branch.parent_id, root.span_id);
            let steps: Vec<_> =
                spans.iter().filter(|span| span.parent_id == branch.span_id).collect();
            assert_eq!(steps.len(), 5, "{name}");
            for step in steps {
                assert_eq!(spans.iter().filter(|s| s.parent_id == step.span_id).count(), 1);
            }
        }
        assert_eq!(captured.span("given").parent_id, root.span_id);
    });
}

// ===== hooks and filters =====

#[test]
fn hooks_and_filters_see_the_same_whichever_api_makes_a_span() {
    use std::sync::{Arc, Mutex};
    use tracehound::config::Environment;
    use tracehound::{DropResources, FinishedTrace, Verdict};

    assert!(tracehound_opentelemetry::share_context());
    let captured = Captured::default();
    let filtered = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&filtered);
    let native = tracehound::Tracer::builder()
        .environment(Environment::empty())
        .trace_filter(move |trace: &mut FinishedTrace<'_>| {
            let root = trace.root().unwrap();
            let number = root.metric("number").unwrap();
            seen.lock().unwrap().push(format!("{} {number}", root.resource()));
            Verdict::Next
        })
        .trace_filter(DropResources::new("drop me"))
        .capture(&captured)
        .build();
    let hooked = Arc::new(Mutex::new(Vec::new()));
    for at_start in [true, false] {
        let hooked = Arc::clone(&hooked);
        let hook = move |span: &tracehound::SpanRef| {
            hooked.lock().unwrap().push(format!("{at_start} {}", span.resource().unwrap()));
        };
        let _ = if at_start { native.on_start_span(hook) } else { native.on_finish_span(hook) };
    }
    let tracer = tracehound_opentracing::Tracer::new(native.clone());
    let otel = tracehound_opentelemetry::TracerProvider::new(native.clone());
    let otel = opentelemetry::trace::TracerProvider::tracer(&otel, "test");
    for name in ["keep me", "drop me"] {
        native.in_span(name, |span| span.set_tag("number", 7));
        otel.in_span(name, |cx| cx.span().set_attribute(KeyValue::new("number", 7)));
        tracer.in_span(name, |span| _ = span.set_tag("number", 7));
    }
    let expected = |name: &str| vec![format!("{name} 7"); 3];
    assert_eq!(*filtered.lock().unwrap(), [expected("keep me"), expected("drop me")].concat());
    let both = |name: &str| [format!("true {name}"), format!("false {name}")];
    let of_all = |name| [both(name), both(name), both(name)].concat();
    assert_eq!(*hooked.lock().unwrap(), [of_all("keep me"), of_all("drop me")].concat());
    assert_eq!((captured.spans().len(), native.filtered().spans()), (3, 3));
}
