//! What a span gets from its parent.

use super::super::testkit::Bench;
use super::super::*;
use crate::text::Text;
use crate::trace::values::ServiceSource;

/// A tracer that maps the service `old` to `new`.
fn mapping_bench() -> Bench {
    Bench::with(|shared| shared.service_mapping = vec![("old".into(), "new".into())])
}

#[test]
fn a_child_inherits_the_service_and_top_level_follows_it() {
    let bench = mapping_bench();
    {
        let root = bench.span("root").start();
        let db = bench.span("db").child_of(&root).service("db").start();
        let below = bench.span("below").child_of(&db).start();
        let mapped = bench.span("mapped").child_of(&below).service("old").start();
        assert_eq!(below.service().as_deref(), Some("db"));
        assert_eq!(mapped.service().as_deref(), Some("new"));
        drop((mapped, below, db, root));
    }
    let chunks = bench.take_chunks();
    let top: Vec<_> = chunks[0].spans().map(|span| span.record.top_level).collect();
    assert_eq!(top, [true, true, false, true]);
}

/// The service that is set on a span, and the service and source that the span has then.
type ServiceCase = (Option<&'static str>, &'static str, ServiceSource);

const SERVICES: [ServiceCase; 5] = [
    (None, "web", ServiceSource::INHERITED),
    (Some("web"), "web", ServiceSource::OWN),
    (Some(""), "web", ServiceSource::OWN),
    (Some("by hand"), "by hand", ServiceSource::MANUAL),
    (Some("old"), "new", ServiceSource::MAPPING),
];

type StartBelow = for<'b> fn(&'b Bench, ActiveContext, Option<&'static str>) -> Span;

/// The ways to start a span. Where a way takes no service, it is set directly afterwards.
const WAYS: [(&str, StartBelow); 3] = [
    ("by name", |bench, parent, service| {
        let _parent = bench.shared.context_stores.now().activate(parent);
        let span = begin_named(&bench.shared, "child".into(), false);
        service.into_iter().for_each(|service| span.set_service(service));
        span
    }),
    ("by a naming function", |bench, parent, service| {
        let naming: NamingFn = |_| DerivedNames::default();
        let resource = Text::from("child");
        let draft = NewSpan { resource, kind: SpanKind::Internal, naming, start: None, tags: &[] };
        let span = begin_new(&bench.shared, draft, parent);
        service.into_iter().for_each(|service| span.set_service(service));
        span
    }),
    ("by the builder", |bench, parent, service| {
        let span = bench.span("child").child_of(parent);
        service.into_iter().fold(span, SpanBuilder::service).start()
    }),
];

#[test]
fn what_is_inherited_in_every_combination() {
    let inherited = |span: &SpanRef| {
        let (service, source) =
            span.read(|span| (span.service().to_owned(), span.record.service_source)).unwrap();
        (service, source, ["of parent", "of context"].map(|name| span.baggage_item(name)))
    };
    let items = [(false, false), (true, false), (false, true), (true, true)];
    for parent_case in SERVICES {
        for child_case in SERVICES {
            for (of_parent, of_context) in items {
                for (way, start) in WAYS {
                    let case =
                        format!("{parent_case:?} {child_case:?} {of_parent} {of_context} {way}");
                    let bench = mapping_bench();
                    let parent = bench.span("parent").start();
                    parent_case.0.into_iter().for_each(|service| parent.set_service(service));
                    if of_parent {
                        parent.set_baggage_item("of parent", "1");
                    }
                    let mut context = ActiveContext::from(&parent);
                    if of_context {
                        context = context.with_baggage([("of context", "2")].into_iter().collect());
                    }
                    let child = start(&bench, context, child_case.0);

                    let set_on = if child_case.0.is_some() { child_case } else { parent_case };
                    let (_, service, source) = set_on;
                    // The baggage of the context replaces that of the parent.
                    let baggage = [
                        (of_parent && !of_context).then(|| "1".to_owned()),
                        of_context.then(|| "2".to_owned()),
                    ];
                    let expected = (service.to_owned(), source, baggage);
                    assert_eq!(inherited(&child), expected, "{case}");

                    let below = start(&bench, ActiveContext::from(&child), None);
                    assert_eq!(inherited(&below), expected, "below {case}");
                    parent.set_service("changed");
                    parent.set_baggage_item("of parent", "changed");
                    child.set_baggage_item("of context", "changed");
                    assert_eq!(inherited(&below), expected, "below {case}, changed afterwards");
                    assert_eq!(child.service().as_deref(), Some(service), "{case}, afterwards");
                }
            }
        }
    }
}
