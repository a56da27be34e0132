//! Whom a span calls, by its tags and the settings.

use std::sync::LazyLock;

use tracehound::config::{Config, ConfigBuilder, Environment, NamingSchema};
use tracehound::testing::{self, Captured};
use tracehound::{PeerService, SpanKind, Tracer};

const PEER_SERVICE: &str = "peer.service";
const SOURCE: &str = "_dd.peer.service.source";
const REMAPPED_FROM: &str = "_dd.peer.service.remapped_from";

type Tags = &'static [(&'static str, &'static str)];

/// The peer, its source and its old name of a span with these tags.
fn peer(config: Config, kind: SpanKind, tags: Tags) -> [Option<String>; 3] {
    static TRACER: LazyLock<(Tracer, Captured)> = LazyLock::new(testing::tracer);
    let span = TRACER.0.span("call").kind(kind).start();
    span.set_tags(tags.iter().copied());
    PeerService::of(&config).set(&span);
    [PEER_SERVICE, SOURCE, REMAPPED_FROM].map(|tag| span.tag(tag))
}

fn settings() -> ConfigBuilder {
    Config::builder().environment(Environment::empty())
}

fn with_defaults() -> Config {
    settings().peer_service_defaults(true).build()
}

#[test]
fn the_first_source_that_fits_counts() {
    for (tags, expected) in [
        (
            &[("peer.service", "set"), ("db.system", "mysql"), ("db.name", "users")][..],
            "set peer.service",
        ),
        (&[("db.system", "mysql"), ("db.name", "users"), ("db.instance", "i")], "users db.name"),
        (&[("db.system", "mysql"), ("db.name", ""), ("db.instance", "i")], "i db.instance"),
        (&[("db.system", "mysql"), ("out.host", "h")], "h out.host"),
        (&[("db.name", "not asked without db.system"), ("out.host", "h")], "h out.host"),
        (
            &[("db.system", "cassandra"), ("db.cassandra.contact.points", "a,b"), ("db.name", "k")],
            "a,b db.cassandra.contact.points",
        ),
        (&[("db.system", "cassandra"), ("out.host", "h"), ("db.name", "k")], ""),
        (
            &[("messaging.system", "kafka"), ("messaging.kafka.bootstrap.servers", "b")],
            "b messaging.kafka.bootstrap.servers",
        ),
        (
            &[("messaging.system", "amqp"), ("network.destination.name", "h"), ("out.host", "o")],
            "h network.destination.name",
        ),
        (&[("rpc.system", "grpc"), ("rpc.service", "s"), ("peer.hostname", "h")], "s rpc.service"),
        (&[("rpc.system", "grpc"), ("peer.hostname", "h"), ("out.host", "o")], "h peer.hostname"),
        (
            &[
                ("aws_service", "sqs"),
                ("topicname", "t"),
                ("queuename", "q"),
                ("rpc.system", "aws"),
                ("rpc.service", "s"),
            ],
            "q queuename",
        ),
        (&[("aws_service", "s3"), ("bucketname", "b")], "b bucketname"),
        (&[], ""),
    ] {
        for kind in [SpanKind::Client, SpanKind::Producer] {
            let [peer, source, old] = peer(with_defaults(), kind, tags);
            let found =
                peer.zip(source).map_or(String::new(), |(peer, source)| format!("{peer} {source}"));
            assert_eq!((found.as_str(), old), (expected, None), "{tags:?}");
        }
    }
}

#[test]
fn spans_that_call_nobody_have_no_peer() {
    for kind in [SpanKind::Server, SpanKind::Internal, SpanKind::Consumer] {
        assert_eq!(peer(with_defaults(), kind, &[("out.host", "h")]), [None, None, None]);
    }
}

#[test]
fn what_the_program_says_counts_without_defaults_and_v1_switches_them_on() {
    let host: Tags = &[("out.host", "h")];
    assert_eq!(peer(settings().build(), SpanKind::Client, host), [None, None, None]);
    let v1 = settings().naming_schema(NamingSchema::V1).build();
    assert_eq!(peer(v1, SpanKind::Client, host)[0].as_deref(), Some("h"));
    let said = peer(settings().build(), SpanKind::Client, &[("peer.service", "p")]);
    assert_eq!(said, [Some("p".into()), Some("peer.service".into()), None]);
}

#[test]
fn peers_are_renamed_whoever_said_them() {
    let config = || settings().peer_service_mapping([("p", "other"), ("h", "host")]);
    let said = peer(config().build(), SpanKind::Client, &[("peer.service", "p")]);
    assert_eq!(said, [Some("other".into()), Some("peer.service".into()), Some("p".into())]);
    let found =
        peer(config().peer_service_defaults(true).build(), SpanKind::Client, &[("out.host", "h")]);
    assert_eq!(found, [Some("host".into()), Some("out.host".into()), Some("h".into())]);
}
