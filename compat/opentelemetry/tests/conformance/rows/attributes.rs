//! Attributes of all types, at the start and later.

use opentelemetry::trace::{Span as _, Tracer};
use opentelemetry::{Array, KeyValue, Value};

use crate::table::{ALL, Row, row};
use crate::world::{Notes, World};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        row!(all_types_at_the_start),
        row!(all_types_later),
        row!(numbers_at_the_edges),
        row!(the_last_of_a_key_counts),
        row!(the_type_of_a_key_changes),
        row!(an_array_becomes_shorter).differs(
            ALL,
            "Of an array that is set again with fewer elements, those beyond stay: each is a tag of its own.",
            |world| world.set("span", "meta.list.1", "b"),
        ),
        row!(texts_short_and_long),
        row!(empty_keys_values_and_arrays),
        row!(keys_of_datadog).differs(
            ALL,
            "Attributes that Datadog's tracers know mean what they mean there: `error` marks the span, `span.name` is \
             the operation, `service.version` is the version, too, `_dd.measured` has it measured.",
            mean_what_they_mean_natively,
        ),
    ]
}

fn all_types() -> Vec<KeyValue> {
    vec![
        KeyValue::new("bool", true),
        KeyValue::new("i64", -7),
        KeyValue::new("f64", 2.5),
        KeyValue::new("text", "värde"),
        KeyValue::new("bools", Value::Array(Array::Bool(vec![true, false]))),
        KeyValue::new("i64s", Value::Array(Array::I64(vec![1, 2]))),
        KeyValue::new("f64s", Value::Array(Array::F64(vec![0.5, 1.5]))),
        KeyValue::new("texts", Value::Array(Array::String(vec!["a".into(), "b".into()]))),
    ]
}

fn all_types_at_the_start<T: Tracer>(tracer: &T, _: &mut Notes) {
    tracer.span_builder("span").with_attributes(all_types()).start(tracer).end();
}

fn all_types_later<T: Tracer>(tracer: &T, _: &mut Notes) {
    let mut span = tracer.start("one by one");
    all_types().into_iter().for_each(|attribute| span.set_attribute(attribute));
    span.end();
    let mut span = tracer.start("together");
    span.set_attributes(all_types());
    span.end();
}

fn numbers_at_the_edges<T: Tracer>(tracer: &T, _: &mut Notes) {
    let mut span = tracer.start("span");
    span.set_attributes([
        KeyValue::new("exact", 1i64 << 53),
        KeyValue::new("beyond", (1i64 << 53) + 1),
        KeyValue::new("least", i64::MIN),
        KeyValue::new("zero", -0.0),
        KeyValue::new("nan", f64::NAN),
        KeyValue::new("infinite", f64::INFINITY),
        KeyValue::new("some", Value::Array(Array::F64(vec![1.0, f64::NAN, 3.0]))),
    ]);
    span.end();
}

fn the_last_of_a_key_counts<T: Tracer>(tracer: &T, _: &mut Notes) {
    let twice = [KeyValue::new("n", 1), KeyValue::new("m", 1), KeyValue::new("n", 2)];
    let mut span = tracer.span_builder("span").with_attributes(twice).start(tracer);
    span.set_attribute(KeyValue::new("m", 3));
    span.end();
}

fn the_type_of_a_key_changes<T: Tracer>(tracer: &T, _: &mut Notes) {
    let mut span = tracer.start("span");
    span.set_attributes([
        KeyValue::new("to text", 1),
        KeyValue::new("to text", "one"),
        KeyValue::new("to number", "one"),
        KeyValue::new("to number", 1),
        KeyValue::new("to bool", 1.5),
        KeyValue::new("to bool", false),
    ]);
    span.end();
}

fn an_array_becomes_shorter<T: Tracer>(tracer: &T, _: &mut Notes) {
    let list = |items: &[&'static str]| {
        let items = items.iter().map(|item| (*item).into()).collect();
        KeyValue::new("list", Value::Array(Array::String(items)))
    };
    let mut span = tracer.start("span");
    span.set_attributes([list(&["a", "b"]), list(&["c"])]);
    span.end();
}

fn texts_short_and_long<T: Tracer>(tracer: &T, _: &mut Notes) {
    let mut span = tracer.start("span");
    for length in [1, 15, 16, 22, 23, 24, 25, 300, 5_000] {
        span.set_attribute(KeyValue::new(format!("length {length}"), "x".repeat(length)));
        span.set_attribute(KeyValue::new("k".repeat(length), "key"));
    }
    span.end();
}

fn empty_keys_values_and_arrays<T: Tracer>(tracer: &T, _: &mut Notes) {
    let mut span = tracer.start("span");
    span.set_attributes([
        KeyValue::new("text", ""),
        KeyValue::new("list", Value::Array(Array::String(Vec::new()))),
        KeyValue::new("", "without a key"),
    ]);
    span.end();
}

/// Some of these are fields of Datadog's spans under other names.
fn keys_of_datadog<T: Tracer>(tracer: &T, _: &mut Notes) {
    for key in [
        "service",
        "resource",
        "name",
        "type",
        "error",
        "env",
        "version",
        "language",
        "component",
        "runtime-id",
        "peer.service",
        "error.message",
        "error.type",
        "http.status_code",
        "http.url",
        "span.name",
        "service.version",
        "_dd.measured",
    ] {
        for (of, value) in [("bool", Value::from(true)), ("number", 3.into())] {
            let mut span = tracer.start(format!("{key}: {of}"));
            span.set_attribute(KeyValue::new(key, value));
            span.end();
        }
    }
    let mut span = tracer.start("service.version: text");
    span.set_attribute(KeyValue::new("service.version", "1.4"));
    span.end();
}

fn mean_what_they_mean_natively(world: &mut World) {
    for (of, map, value) in [("bool", "meta", "true"), ("number", "metrics", "3")] {
        let error = format!("error: {of}");
        world.take(&error, &format!("{map}.error")).unwrap();
        world.set(&error, "error", true);
        let named = format!("span.name: {of}");
        world.take(&named, &format!("{map}.span.name")).unwrap();
        world.set(&named, "name", value);
        let measured = format!("_dd.measured: {of}");
        world.take(&measured, &format!("{map}._dd.measured")).unwrap();
        world.set(&measured, "metrics._dd.measured", 1);
        let version = format!("service.version: {of}");
        world.take(&version, &format!("{map}.service.version")).unwrap();
        world.set(&version, "meta.service.version", value);
        world.set(&version, "meta.version", value);
    }
    world.set("service.version: text", "meta.version", "1.4");
}
