//! Names, kinds, and the fields that attributes set.

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, SpanKind, Tracer};

use crate::table::{Row, row};
use crate::world::Notes;

pub(crate) fn rows() -> Vec<Row> {
    vec![
        row!(kinds),
        row!(the_name_is_updated),
        row!(empty_names),
        row!(http),
        row!(databases),
        row!(messages),
        row!(calls),
        row!(fields_by_attributes),
        row!(decisions_by_attributes),
    ]
}

const KINDS: [(&str, SpanKind); 5] = [
    ("client", SpanKind::Client),
    ("server", SpanKind::Server),
    ("producer", SpanKind::Producer),
    ("consumer", SpanKind::Consumer),
    ("internal", SpanKind::Internal),
];

fn kinds<T: Tracer>(tracer: &T, _: &mut Notes) {
    tracer.start("none").end();
    for (name, kind) in KINDS {
        tracer.span_builder(name).with_kind(kind).start(tracer).end();
    }
}

fn the_name_is_updated<T: Tracer>(tracer: &T, _: &mut Notes) {
    let mut span = tracer.start("first");
    span.update_name("second");
    span.update_name(String::from("third"));
    span.end();
}

fn empty_names<T: Tracer>(tracer: &T, _: &mut Notes) {
    tracer.start("").end();
    let mut span = tracer.start("named");
    span.update_name("");
    span.update_name("named again");
    span.add_event_with_timestamp("", crate::rows::at(1), vec![]);
    span.end();
}

/// A span of each kind with the same attributes.
fn of_each_kind<T: Tracer>(tracer: &T, what: &str, attributes: &[(&'static str, &'static str)]) {
    for (name, kind) in KINDS {
        let attributes = attributes.iter().map(|(key, value)| KeyValue::new(*key, *value));
        // By its own name also where the agent takes the attributes for it.
        let named = KeyValue::new("resource.name", format!("{what} {name}"));
        let attributes = attributes.chain([named]);
        let builder = tracer.span_builder("span").with_kind(kind).with_attributes(attributes);
        builder.start(tracer).end();
    }
}

fn http<T: Tracer>(tracer: &T, _: &mut Notes) {
    of_each_kind(tracer, "new", &[("http.request.method", "GET"), ("url.full", "http://a/b")]);
    of_each_kind(tracer, "old", &[("http.method", "GET"), ("http.url", "http://a/b")]);
    of_each_kind(tracer, "protocol", &[("network.protocol.name", "AMQP")]);
    let mut span = tracer
        .span_builder("request")
        .with_kind(SpanKind::Server)
        .with_attributes([KeyValue::new("http.request.method", "GET")])
        .start(tracer);
    span.set_attribute(KeyValue::new("http.route", "/orders/{id}"));
    span.set_attribute(KeyValue::new("http.response.status_code", 404));
    span.end();
}

fn databases<T: Tracer>(tracer: &T, _: &mut Notes) {
    for system in ["postgresql", "redis", "homemade"] {
        of_each_kind(tracer, system, &[("db.system.name", system)]);
    }
    of_each_kind(tracer, "old", &[("db.system", "mysql")]);
    let query = [KeyValue::new("db.system", "mysql"), KeyValue::new("db.statement", "SELECT 1")];
    let builder = tracer.span_builder("query").with_kind(SpanKind::Client).with_attributes(query);
    builder.start(tracer).end();
}

fn messages<T: Tracer>(tracer: &T, _: &mut Notes) {
    let attributes = [("messaging.system", "Kafka"), ("messaging.operation.type", "receive")];
    of_each_kind(tracer, "whole", &attributes);
    of_each_kind(tracer, "half", &attributes[..1]);
    let receive = [
        KeyValue::new("messaging.system", "kafka"),
        KeyValue::new("messaging.operation.type", "receive"),
        KeyValue::new("messaging.destination.name", "orders"),
    ];
    let builder = tracer.span_builder("message").with_kind(SpanKind::Consumer);
    builder.with_attributes(receive).start(tracer).end();
}

fn calls<T: Tracer>(tracer: &T, _: &mut Notes) {
    of_each_kind(tracer, "rpc", &[("rpc.system", "grpc"), ("rpc.service", "Shop")]);
    of_each_kind(tracer, "function", &[("faas.trigger", "timer")]);
    of_each_kind(tracer, "graphql", &[("graphql.operation.type", "query")]);
    let call = [KeyValue::new("rpc.system", "grpc"), KeyValue::new("rpc.method", "Buy")];
    let builder = tracer.span_builder("call").with_kind(SpanKind::Client).with_attributes(call);
    builder.start(tracer).end();
}

fn fields_by_attributes<T: Tracer>(tracer: &T, _: &mut Notes) {
    let fields = [
        KeyValue::new("service.name", "warehouse"),
        KeyValue::new("resource.name", "stock"),
        KeyValue::new("operation.name", "Stock.Count"),
        KeyValue::new("span.type", "worker"),
    ];
    tracer.span_builder("at the start").with_attributes(fields.clone()).start(tracer).end();
    let mut span = tracer.start("later");
    span.set_attributes(fields);
    span.set_attribute(KeyValue::new("resource.name", "stock later"));
    span.end();
}

fn decisions_by_attributes<T: Tracer>(tracer: &T, _: &mut Notes) {
    for (name, decision) in [
        ("kept", KeyValue::new("manual.keep", true)),
        ("dropped", KeyValue::new("manual.drop", true)),
        ("kept by number", KeyValue::new("sampling.priority", 2)),
        ("not kept", KeyValue::new("manual.keep", false)),
    ] {
        tracer.span_builder(name).with_attributes([decision]).start(tracer).end();
    }
    let mut span = tracer.start("dropped later");
    span.set_attribute(KeyValue::new("manual.drop", true));
    span.end();
}
