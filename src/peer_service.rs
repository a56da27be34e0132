//! Whom a span calls: the tag `peer.service`, from what is known of the other side.

use std::sync::Arc;

use crate::config::{Config, NamingSchema};
use crate::text::Text;
use crate::trace::{SpanKind, SpanRef, SpanView};

const PEER_SERVICE: &str = "peer.service";
const SOURCE: &str = "_dd.peer.service.source";
const REMAPPED_FROM: &str = "_dd.peer.service.remapped_from";

/// Which tags say who was called: where a span has the first tag, with any of these values, the others in this order.
/// The first row that fits counts.
const SOURCES: &[Row] = &[
    Row::of("aws_service", &["queuename", "topicname", "streamname", "tablename", "bucketname"]),
    Row::of("aws.service", &["queuename", "topicname", "streamname", "tablename", "bucketname"]),
    // The nodes of a cluster are no services of their own, so they do not count here.
    Row {
        of: "db.system",
        is: Some("cassandra"),
        sources: &["db.cassandra.contact.points"],
        or_host: false,
    },
    Row::of("db.system", &["db.name", "db.instance"]),
    Row::of("messaging.system", &["messaging.kafka.bootstrap.servers"]),
    Row::of("rpc.system", &["rpc.service"]),
];

/// What says where the other side is, whatever it is.
const HOSTS: &[&str] = &["network.destination.name", "peer.hostname", "out.host"];

struct Row {
    of: &'static str,
    is: Option<&'static str>,
    sources: &'static [&'static str],
    or_host: bool,
}

impl Row {
    const fn of(tag: &'static str, sources: &'static [&'static str]) -> Self {
        Row { of: tag, is: None, sources, or_host: true }
    }

    fn fits(&self, span: &SpanView<'_>) -> bool {
        let value = span.text(self.of);
        value.is_some_and(|value| self.is.is_none_or(|wanted| value == wanted))
    }
}

/// Sets the tag `peer.service` of spans that call others, as the settings want it.
///
/// An integration has one, and calls [`PeerService::set`] when a span ends, with all of its other tags set. For spans of
/// HTTP that is done by [`http::Tagging`](crate::http::Tagging).
///
/// | setting | effect |
/// | --- | --- |
/// | `DD_TRACE_PEER_SERVICE_DEFAULTS_ENABLED`, or `v1` of `DD_TRACE_SPAN_ATTRIBUTE_SCHEMA` | the tag is made of others, where the program has not set it |
/// | `DD_TRACE_PEER_SERVICE_MAPPING` | what it says is renamed, whoever said it |
///
/// ```
/// use tracehound::config::Config;
/// use tracehound::{PeerService, SpanKind, Tracer};
///
/// let peer_service = PeerService::of(&Config::builder().peer_service_defaults(true).build());
/// let span = Tracer::builder().build().span("postgres.query").kind(SpanKind::Client).start();
/// span.set_tag("db.system", "postgresql");
/// span.set_tag("db.name", "users");
/// span.set_tag("out.host", "db-1.example");
/// peer_service.set(&span);
/// assert_eq!(span.tag("peer.service").as_deref(), Some("users"));
/// assert_eq!(span.tag("_dd.peer.service.source").as_deref(), Some("db.name"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct PeerService {
    from_other_tags: bool,
    mapping: Arc<[(Text, Text)]>,
}

impl PeerService {
    /// By these settings.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        PeerService {
            from_other_tags: config.peer_service_defaults()
                || config.naming_schema() == NamingSchema::V1,
            mapping: config.peer_service_mapping().into(),
        }
    }

    /// Sets the tag, and those that say where it came from: `_dd.peer.service.source` has the name of the tag that it
    /// was made of, and `_dd.peer.service.remapped_from` what it was before it was renamed.
    ///
    /// Spans of other kinds than client and producer stay as they are.
    pub fn set(&self, span: &SpanRef) {
        let Some((peer, source)) = span.read(|view| self.find(view)).flatten() else { return };
        span.set_tag(SOURCE, source);
        match self.mapping.iter().find(|(from, _)| *from == peer) {
            Some((_, to)) => {
                span.set_tag(REMAPPED_FROM, peer);
                span.set_tag(PEER_SERVICE, to);
            }
            None if source == PEER_SERVICE => {}
            None => span.set_tag(PEER_SERVICE, peer),
        }
    }

    /// The peer, and the tag that says it.
    fn find(&self, span: &SpanView<'_>) -> Option<(Text, &'static str)> {
        if !matches!(span.kind(), Some(SpanKind::Client | SpanKind::Producer)) {
            return None;
        }
        let said = |tag: &&'static str| {
            let value = span.text(tag).filter(|value| !value.is_empty())?;
            Some((Text::copy(value), *tag))
        };
        said(&PEER_SERVICE).or_else(|| {
            if !self.from_other_tags {
                return None;
            }
            let row = SOURCES.iter().find(|row| row.fits(span));
            let hosts = if row.is_none_or(|row| row.or_host) { HOSTS } else { &[] };
            let sources = row.map_or(&[][..], |row| row.sources);
            sources.iter().chain(hosts).find_map(said)
        })
    }
}
