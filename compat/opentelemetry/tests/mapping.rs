//! What becomes of the name, the kind and the attributes of an OpenTelemetry span.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use opentelemetry::trace::{Span as _, SpanKind, TraceContextExt, Tracer as _};
use opentelemetry::{Array, Context, KeyValue, StringValue, Value};
use tracehound::testing::CapturedSpan;
use tracehound::{SamplingMechanism, SamplingPriority};

use common::tracers;

/// The span that comes of attributes, which is the same at whatever time they are given, and through
/// whichever of OpenTelemetry's handles.
fn span(kind: SpanKind, attributes: &[KeyValue]) -> CapturedSpan {
    let (_, otel, captured) = tracers();
    let builder = || otel.span_builder("the name").with_kind(kind.clone());
    drop(builder().with_attributes(attributes.to_vec()).start_with_context(&otel, &Context::new()));

    let mut one_by_one = builder().start_with_context(&otel, &Context::new());
    attributes.iter().for_each(|attribute| one_by_one.set_attribute(attribute.clone()));
    drop(one_by_one);

    let mut all = builder().start_with_context(&otel, &Context::new());
    all.set_attributes(attributes.to_vec());
    drop(all);

    let erased = Context::new().with_span(builder().start_with_context(&otel, &Context::new()));
    erased.span().set_attributes(attributes.to_vec());
    drop(erased);

    let mut spans = captured.spans();
    assert_eq!(spans.len(), 4);
    let last = spans.pop().unwrap();
    for other in spans {
        assert_eq!(described(&other), described(&last));
    }
    last
}

fn described(span: &CapturedSpan) -> String {
    let CapturedSpan { service, name, resource, span_type, kind, tags, metrics, priority, .. } =
        span;
    format!("{service} {name} {resource} {span_type:?} {kind:?} {tags:?} {metrics:?} {priority:?}")
}

/// The tags of either type.
fn tags(attributes: &[KeyValue]) -> Vec<String> {
    let span = span(SpanKind::Internal, attributes);
    let text = span.tags.iter().map(|(key, value)| format!("{key}={value:?}"));
    text.chain(span.metrics.iter().map(|(key, value)| format!("{key}={value}"))).collect()
}

/// Attributes whose values are text.
type Texts = &'static [(&'static str, &'static str)];

fn texts(pairs: &[(&'static str, &'static str)]) -> Vec<KeyValue> {
    pairs.iter().map(|(key, value)| KeyValue::new(*key, *value)).collect()
}

fn list(values: &[&'static str]) -> Value {
    Value::Array(Array::String(values.iter().map(|value| StringValue::from(*value)).collect()))
}

use SpanKind::{Client, Consumer, Internal, Producer, Server};

const KINDS: [SpanKind; 5] = [Server, Client, Producer, Consumer, Internal];

#[test]
fn the_operation_name_is_the_first_that_the_kind_and_the_attributes_give() {
    let rows: &[(&[SpanKind], Texts, &str)] = &[
        // 1
        (&KINDS, &[("operation.name", "Custom.Name"), ("http.method", "GET")], "custom.name"),
        (&[Server], &[("operation.name", ""), ("http.method", "GET")], "http.server.request"),
        // 2
        (&[Server], &[("http.request.method", "GET")], "http.server.request"),
        (&[Client], &[("http.request.method", "GET")], "http.client.request"),
        (&[Server], &[("http.method", "GET")], "http.server.request"),
        (&[Client], &[("http.method", "GET"), ("db.system", "redis")], "http.client.request"),
        (&[Internal], &[("http.method", "GET")], "internal"),
        // 3
        (&[Client], &[("db.system", "PostgreSQL")], "postgresql.query"),
        (&[Client], &[("db.system.name", "mysql")], "mysql.query"),
        (&[Client], &[("db.system", "old"), ("db.system.name", "new")], "new.query"),
        (&[Client], &[("db.system.name", "new"), ("db.system", "old")], "new.query"),
        (&[Client], &[("db.system", ""), ("rpc.system", "grpc")], "grpc.client.request"),
        (&[Server], &[("db.system", "redis")], "server.request"),
        // 4
        (
            &[Client, Server, Producer, Consumer],
            &[("messaging.system", "Kafka"), ("messaging.operation", "Receive")],
            "kafka.receive",
        ),
        (
            &[Producer],
            &[("messaging.system", "kafka"), ("messaging.operation.type", "send")],
            "kafka.send",
        ),
        (
            &[Internal],
            &[("messaging.system", "kafka"), ("messaging.operation", "receive")],
            "internal",
        ),
        (&[Producer], &[("messaging.system", "kafka")], "producer"),
        // 5
        (&[Client], &[("rpc.system", "aws-api"), ("rpc.service", "S3")], "aws.s3.request"),
        (&[Client], &[("rpc.system", "aws-api")], "aws.client.request"),
        (&[Server], &[("rpc.system", "aws-api")], "aws-api.server.request"),
        // 6, 7
        (&[Client], &[("rpc.system", "gRPC")], "grpc.client.request"),
        (&[Server], &[("rpc.system", "gRPC")], "grpc.server.request"),
        (&[Consumer], &[("rpc.system", "grpc")], "consumer"),
        // 8
        (
            &[Client],
            &[("faas.invoked_provider", "AWS"), ("faas.invoked_name", "My-Function")],
            "aws.my-function.invoke",
        ),
        (&[Client], &[("faas.invoked_provider", "aws")], "client.request"),
        // 9
        (&[Server], &[("faas.trigger", "Datasource")], "datasource.invoke"),
        (&[Client], &[("faas.trigger", "http")], "client.request"),
        // 10
        (&KINDS, &[("graphql.operation.type", "query")], "graphql.server.request"),
        // 11, 12
        (&[Server], &[("network.protocol.name", "AMQP")], "amqp.server.request"),
        (&[Client], &[("network.protocol.name", "AMQP")], "amqp.client.request"),
        (&[Server], &[], "server.request"),
        (&[Client], &[], "client.request"),
        // 13
        (&[Producer], &[("network.protocol.name", "amqp")], "producer"),
        (&[Consumer], &[], "consumer"),
        (&[Internal], &[], "internal"),
    ];
    for (kinds, attributes, name) in rows {
        for kind in *kinds {
            let span = span(kind.clone(), &texts(attributes));
            assert_eq!(span.name, *name, "{kind:?} {attributes:?}");
            assert_eq!(span.resource, "the name", "{kind:?} {attributes:?}");
        }
    }
}

#[test]
fn the_type_follows_from_the_kind_and_the_database() {
    let sql = "other_sql mssql mysql oracle db2 postgresql redshift cloudscape hsqldb maxdb ingres firstsql \
               edb cache firebird derby informix mariadb sqlite sybase teradata vertica h2 coldfusion \
               cockroachdb progress hanadb adabas filemaker instantdb interbase netezza pervasive pointbase \
               clickhouse";
    let own = ["redis", "memcached", "mongodb", "elasticsearch", "opensearch", "cassandra"];
    let databases = sql
        .split(' ')
        .map(|system| (system, "sql"))
        .chain(own.map(|system| (system, system)))
        .chain([("Redis", "db"), ("POSTGRESQL", "db"), ("dynamodb", "db")]);
    for (system, expected) in databases {
        for key in ["db.system", "db.system.name"] {
            let span = span(Client, &[KeyValue::new(key, system)]);
            assert_eq!(span.span_type.as_deref(), Some(expected), "{system}");
        }
    }
    for (kind, expected) in [
        (Server, "web"),
        (Client, "http"),
        (Producer, "custom"),
        (Consumer, "custom"),
        (Internal, "custom"),
    ] {
        assert_eq!(span(kind, &[]).span_type.as_deref(), Some(expected));
    }
    assert_eq!(span(Server, &texts(&[("db.system", "redis")])).span_type.as_deref(), Some("web"));
}

#[test]
fn the_kind_is_kept_and_an_attribute_overrides_it() {
    for (kind, expected) in [
        (Server, tracehound::SpanKind::Server),
        (Client, tracehound::SpanKind::Client),
        (Producer, tracehound::SpanKind::Producer),
        (Consumer, tracehound::SpanKind::Consumer),
        (Internal, tracehound::SpanKind::Internal),
    ] {
        assert_eq!(span(kind, &[]).kind, Some(expected));
    }
    let overridden = span(Internal, &texts(&[("span.kind", "client")]));
    assert_eq!(overridden.kind, Some(tracehound::SpanKind::Client));
    assert_eq!(overridden.name, "client.request");

    let (_, otel, captured) = tracers();
    drop(otel.start("no kind given"));
    assert_eq!(captured.span("internal").kind, Some(tracehound::SpanKind::Internal));
}

#[test]
fn reserved_attributes_set_their_field_and_leave_no_tag() {
    let attributes = texts(&[
        ("service.name", "users"),
        ("operation.name", "Users.Get"),
        ("resource.name", "GET /users"),
        ("span.type", "rpc"),
    ]);
    let span = span(Server, &attributes);
    assert_eq!((span.service.as_str(), span.name.as_str()), ("users", "users.get"));
    assert_eq!((span.resource.as_str(), span.span_type.as_deref()), ("GET /users", Some("rpc")));
    assert!(span.tags.is_empty());
    assert!(span.metrics.is_empty());
}

#[test]
fn of_a_reserved_attribute_given_twice_the_last_one_counts() {
    let twice = texts(&[("operation.name", "first"), ("operation.name", "last")]);
    assert_eq!(span(Server, &twice).name, "last");
    let twice = texts(&[("service.name", "first"), ("service.name", "last")]);
    assert_eq!(span(Server, &twice).service, "last");
    let emptied = texts(&[("operation.name", "first"), ("operation.name", "")]);
    assert_eq!(span(Server, &emptied).name, "server.request");
}

#[test]
fn an_operation_name_leaves_the_type_alone() {
    let named = span(Server, &texts(&[("operation.name", "own.name")]));
    assert_eq!(named.span_type.as_deref(), Some("web"));
}

#[test]
fn an_operation_name_that_is_no_text_is_ignored() {
    let span = span(Server, &[KeyValue::new("operation.name", 42)]);
    assert_eq!(span.name, "server.request");
    assert!(span.metrics.is_empty());
}

#[test]
fn analytics_takes_the_forms_of_a_switch_and_nothing_else() {
    let rate = |value: Value| span(Internal, &[KeyValue::new("analytics.event", value)]);
    for on in ["1", "t", "T", "TRUE", "true", "True"] {
        assert_eq!(rate(on.into()).metrics["_dd1.sr.eausr"], 1.0, "{on}");
    }
    for off in ["0", "f", "F", "FALSE", "false", "False"] {
        assert_eq!(rate(off.into()).metrics["_dd1.sr.eausr"], 0.0, "{off}");
    }
    assert_eq!(rate(true.into()).metrics["_dd1.sr.eausr"], 1.0);
    assert_eq!(rate(false.into()).metrics["_dd1.sr.eausr"], 0.0);
    for neither in ["", "fAlse", "tRUE", "yes", "something-else"] {
        let span = rate(neither.into());
        assert!(span.metrics.is_empty(), "{neither}");
        assert!(!span.tags.contains_key("analytics.event"), "{neither}");
    }
}

#[test]
fn the_status_code_is_text_under_its_one_name() {
    for key in ["http.response.status_code", "http.status_code"] {
        for value in [Value::I64(404), Value::from("404")] {
            assert_eq!(tags(&[KeyValue::new(key, value)]), [r#"http.status_code="404""#]);
        }
    }
    let both =
        [KeyValue::new("http.status_code", 500), KeyValue::new("http.response.status_code", 200)];
    assert_eq!(tags(&both), [r#"http.status_code="200""#]);
}

#[test]
fn the_users_word_on_sampling_decides_for_the_trace() {
    let rows: [(KeyValue, Option<SamplingPriority>); 8] = [
        (KeyValue::new("manual.keep", true), Some(SamplingPriority::USER_KEEP)),
        (KeyValue::new("manual.keep", "anything"), Some(SamplingPriority::USER_KEEP)),
        (KeyValue::new("manual.keep", false), None),
        (KeyValue::new("manual.drop", true), Some(SamplingPriority::USER_REJECT)),
        (KeyValue::new("manual.drop", "0"), None),
        (KeyValue::new("sampling.priority", 2), Some(SamplingPriority::USER_KEEP)),
        (KeyValue::new("sampling.priority", 0), Some(SamplingPriority::USER_REJECT)),
        (KeyValue::new("sampling.priority", -1.0), Some(SamplingPriority::USER_REJECT)),
    ];
    for (attribute, expected) in rows {
        let (_, otel, captured) = tracers();
        captured.decide(SamplingPriority::AUTO_KEEP, SamplingMechanism::DEFAULT);
        otel.in_span("root", |_| {
            otel.in_span("child", |cx| cx.span().set_attribute(attribute.clone()));
        });
        for span in captured.spans() {
            let expected = expected.unwrap_or(SamplingPriority::AUTO_KEEP);
            assert_eq!(span.priority, Some(expected), "{attribute:?}");
            assert!(span.metrics.is_empty(), "{attribute:?}");
            assert!(span.tags.is_empty(), "{attribute:?}");
        }
    }
}

#[test]
fn a_word_that_is_no_priority_is_a_tag_and_decides_nothing() {
    let (_, otel, captured) = tracers();
    captured.decide(SamplingPriority::AUTO_KEEP, SamplingMechanism::DEFAULT);
    let attribute = KeyValue::new("sampling.priority", "high");
    otel.in_span("root", |cx| cx.span().set_attribute(attribute));
    let span = &captured.spans()[0];
    assert_eq!(span.priority, Some(SamplingPriority::AUTO_KEEP));
    assert_eq!(span.tags["sampling.priority"], "high");
}

#[test]
fn each_value_has_its_type() {
    let rows: Vec<(Value, &[&str])> = vec![
        ("text".into(), &[r#"k="text""#]),
        ("".into(), &[r#"k="""#]),
        (
            String::from("more than twenty-two bytes of text").into(),
            &[r#"k="more than twenty-two bytes of text""#],
        ),
        (true.into(), &[r#"k="true""#]),
        (false.into(), &[r#"k="false""#]),
        (42.into(), &["k=42"]),
        (0.into(), &["k=0"]),
        ((1i64 << 53).into(), &["k=9007199254740992"]),
        (((1i64 << 53) + 1).into(), &[r#"k="9007199254740993""#]),
        (i64::MIN.into(), &[r#"k="-9223372036854775808""#]),
        (4.25.into(), &["k=4.25"]),
        (f64::NAN.into(), &[]),
        (f64::INFINITY.into(), &[]),
        (list(&["a", "b"]), &[r#"k.0="a""#, r#"k.1="b""#]),
        (Value::Array(Array::Bool(vec![true, false])), &[r#"k.0="true""#, r#"k.1="false""#]),
        (Value::Array(Array::I64(vec![1, 2])), &["k.0=1", "k.1=2"]),
        (Value::Array(Array::F64(vec![1.5, f64::NAN, 2.5])), &["k.0=1.5", "k.2=2.5"]),
        (list(&[]), &[]),
        (Value::Array(Array::I64(vec![])), &[]),
    ];
    for (value, expected) in rows {
        assert_eq!(tags(&[KeyValue::new("k", value.clone())]), expected, "{value:?}");
    }
}

#[test]
fn a_key_is_of_one_type_at_a_time() {
    let number_last = [KeyValue::new("k", "text"), KeyValue::new("k", 1)];
    assert_eq!(tags(&number_last), ["k=1"]);
    let text_last = [KeyValue::new("k", 1), KeyValue::new("k", "text")];
    assert_eq!(tags(&text_last), [r#"k="text""#]);
}

#[test]
fn other_attributes_keep_their_names() {
    let attributes = texts(&[
        ("url.full", "http://localhost/"),
        ("http.request.header.referrer", "here"),
        ("user_agent.original", "curl"),
        ("error.type", "timeout"),
    ]);
    let expected: Vec<_> = attributes
        .iter()
        .map(|given| format!("{}={:?}", given.key, given.value.as_str()))
        .collect();
    let mut found = tags(&attributes);
    found.sort_by_key(|tag| expected.iter().position(|expected| expected == tag));
    assert_eq!(found, expected);
}

#[test]
fn a_new_name_is_a_new_resource() {
    let (_, otel, captured) = tracers();
    let mut span = otel.start("before");
    span.update_name("after");
    span.end();
    otel.in_span("before", |cx| cx.span().update_name(String::from("after")));
    for span in captured.spans() {
        assert_eq!((span.name.as_str(), span.resource.as_str()), ("internal", "after"));
    }
}

#[test]
fn a_resource_given_as_an_attribute_yields_to_a_later_name() {
    let (_, otel, captured) = tracers();
    let mut span = otel.start("name");
    span.set_attribute(KeyValue::new("resource.name", "attribute"));
    span.update_name("later");
    span.end();
    assert_eq!(captured.span("internal").resource, "later");
}

#[test]
fn an_empty_resource_or_type_is_ignored() {
    let span = span(Server, &texts(&[("resource.name", ""), ("span.type", "")]));
    assert_eq!((span.resource.as_str(), span.span_type.as_deref()), ("the name", Some("web")));
}

#[test]
fn a_name_set_natively_is_not_worked_out_any_more() {
    let (_, otel, captured) = tracers();
    let span = otel.span_builder("n").with_kind(Server).start(&otel);
    span.handle().set_name("native.name");
    drop(span);
    assert_eq!(captured.span("native.name").span_type.as_deref(), Some("web"));
}

#[test]
fn names_can_be_read_while_they_may_still_change() {
    let (_, otel, _captured) = tracers();
    let mut span = otel.span_builder("n").with_kind(Client).start(&otel);
    assert_eq!(span.handle().name().as_deref(), Some("client.request"));
    span.set_attribute(KeyValue::new("db.system", "redis"));
    assert_eq!(span.handle().name().as_deref(), Some("redis.query"));
    assert_eq!(span.handle().span_type().as_deref(), Some("redis"));
}

/// The vectors are those of the agent's conversion, whose names and types are the same as here.
#[test]
fn names_and_types_are_those_of_the_agent() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("vectors/otel-conversion.json")).unwrap();
    let mut checked = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let given = case["attributes"].as_object().unwrap();
        if given.keys().any(|key| key.starts_with("datadog.")) {
            continue;
        }
        let attributes: Vec<_> = given
            .iter()
            .filter_map(|(key, value)| Some(KeyValue::new(key.clone(), of(value)?)))
            .collect();
        let kind = match case["kind"].as_str().unwrap() {
            "server" => Server,
            "client" => Client,
            "producer" => Producer,
            "consumer" => Consumer,
            _ => Internal,
        };
        let span = span(kind, &attributes);
        assert_eq!(span.name, case["dd"]["name"].as_str().unwrap(), "{case}");
        assert_eq!(span.span_type.as_deref(), case["dd"]["type"].as_str(), "{case}");
        checked += 1;
    }
    assert!(checked > 35, "{checked}");
}

fn of(json: &serde_json::Value) -> Option<Value> {
    Some(match json {
        serde_json::Value::Bool(value) => (*value).into(),
        serde_json::Value::String(value) => value.clone().into(),
        serde_json::Value::Number(value) => match value.as_i64() {
            Some(value) => value.into(),
            None => value.as_f64()?.into(),
        },
        _ => return None,
    })
}
