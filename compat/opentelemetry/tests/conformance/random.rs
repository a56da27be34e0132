//! Programs that nobody has thought of: operations at random, on spans that may have ended long ago.
//!
//! Those of the table's differences are left out.

use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
    Tracer,
};
use opentelemetry::{Context, KeyValue, Value};
use proptest::collection::vec;
use proptest::prelude::*;

use super::rows::at;
use super::subjects::{behind_the_global_api, exporter, provider, sdk};
use super::world::{Mapping, Notes};

/// On the span with this number, of those that have been started; the numbers are taken as they come round.
#[derive(Clone, Debug)]
enum Op {
    Start { parent: Parent, kind: SpanKind, start: Option<u64>, links: u64 },
    Name(usize),
    Attribute(usize, &'static str, Value),
    Event(usize, Vec<(&'static str, Value)>),
    Status(usize, Status),
    IsRecording(usize),
    End(usize, Option<u64>),
}

#[derive(Clone, Debug)]
enum Parent {
    None,
    Span(usize),
    Remote,
    Active,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let parent = prop_oneof![
        1 => Just(Parent::None),
        6 => any::<usize>().prop_map(Parent::Span),
        1 => Just(Parent::Remote),
        2 => Just(Parent::Active),
    ];
    let kind = prop_oneof![
        Just(SpanKind::Client),
        Just(SpanKind::Server),
        Just(SpanKind::Producer),
        Just(SpanKind::Consumer),
        Just(SpanKind::Internal),
    ];
    let key = || prop_oneof![Just("a"), Just("b"), Just("long.enough.not.to.be.kept.in.place")];
    let value = || {
        prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,40}".prop_map(Value::from),
        ]
    };
    let status = prop_oneof![Just(Status::Unset), Just(Status::Ok), Just(Status::error("boom"))];
    let time = || proptest::option::of(0..1_000u64);
    let span = any::<usize>;
    let op = prop_oneof![
        6 => (parent, kind, time(), 0..3u64)
            .prop_map(|(parent, kind, start, links)| Op::Start { parent, kind, start, links }),
        2 => span().prop_map(Op::Name),
        8 => (span(), key(), value()).prop_map(|(span, key, value)| Op::Attribute(span, key, value)),
        3 => (span(), vec((key(), value()), 0..3)).prop_map(|(span, said)| Op::Event(span, said)),
        3 => (span(), status).prop_map(|(span, status)| Op::Status(span, status)),
        2 => span().prop_map(Op::IsRecording),
        4 => (span(), time()).prop_map(|(span, time)| Op::End(span, time)),
    ];
    vec(op, 1..60)
}

fn remote(trace: u128, span: u64) -> SpanContext {
    let (trace, span) = (TraceId::from(trace), SpanId::from(span));
    SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE)
}

fn perform<T: Tracer>(ops: &[Op], tracer: &T, notes: &mut Notes)
where
    T::Span: Send + Sync + 'static,
{
    let mut spans: Vec<Context> = Vec::new();
    for (place, op) in ops.iter().enumerate() {
        // The name is the key by which spans are compared.
        let name = format!("span {place:02}");
        // Before the first span there is nothing to change.
        let of =
            |number: &usize| spans.get(number % spans.len().max(1)).cloned().unwrap_or_default();
        match op {
            Op::Start { parent, kind, start, links } => {
                let links = (1..=*links).map(|id| Link::with_context(remote(9, id)));
                let mut builder = tracer.span_builder(name).with_kind(kind.clone());
                builder.links = Some(links.collect());
                builder.start_time = start.map(at);
                let span = match parent {
                    Parent::None => builder.start_with_context(tracer, &Context::new()),
                    Parent::Remote => {
                        let cx = Context::new().with_remote_span_context(remote(7, 8));
                        builder.start_with_context(tracer, &cx)
                    }
                    Parent::Span(number) => builder.start_with_context(tracer, &of(number)),
                    Parent::Active => {
                        let _active = spans.last().cloned().unwrap_or_default().attach();
                        builder.start(tracer)
                    }
                };
                spans.push(Context::new().with_span(span));
            }
            Op::Name(span) => of(span).span().update_name(name),
            Op::Attribute(span, key, value) => {
                of(span).span().set_attribute(KeyValue::new(*key, value.clone()));
            }
            Op::Event(span, said) => {
                let said = said.iter().map(|(key, value)| KeyValue::new(*key, value.clone()));
                of(span).span().add_event_with_timestamp(name, at(1), said.collect());
            }
            Op::Status(span, status) => of(span).span().set_status(status.clone()),
            Op::IsRecording(span) => notes.see(&name, of(span).span().is_recording()),
            Op::End(span, None) => of(span).span().end(),
            Op::End(span, Some(time)) => of(span).span().end_with_timestamp(at(*time)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn programs_at_random_do_what_they_do_with_the_sdk(ops in ops()) {
        let expected = sdk(|tracer, notes| perform(&ops, tracer, notes), Mapping::Tracer);
        let found = provider(|tracer, notes| perform(&ops, tracer, notes));
        prop_assert_eq!(expected.compare(&found), Vec::<String>::new());
        let found = behind_the_global_api(|tracer, notes| perform(&ops, tracer, notes));
        prop_assert_eq!(expected.compare(&found), Vec::<String>::new());
        let expected = sdk(|tracer, notes| perform(&ops, tracer, notes), Mapping::Agent);
        let found = exporter(|tracer, notes| perform(&ops, tracer, notes));
        prop_assert_eq!(expected.compare(&found), Vec::<String>::new());
    }
}
