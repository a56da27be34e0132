//! What the agent is sent.

use super::bucket::Bucket;
use super::concentrator::{BUCKET, Book};
use super::group::Group;
use super::key::Part;
use crate::encode::{Buffer, Process};
use crate::text::Text;
use crate::trace::Shared;

/// Whose spans they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    service: Text,
    env: Option<Text>,
    version: Option<Text>,
}

impl Identity {
    pub(super) fn of(shared: &Shared) -> Self {
        Identity {
            service: shared.service.clone(),
            env: shared.env.clone(),
            version: shared.version.clone(),
        }
    }

    pub(super) fn is_of(&self, shared: &Shared) -> bool {
        let Identity { service, env, version } = self;
        (service, env, version) == (&shared.service, &shared.env, &shared.version)
    }
}

/// The body of a request with statistics.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) body: Vec<u8>,
    /// How many spans are counted in it.
    pub(crate) spans: u64,
    /// For a line.
    pub(crate) groups: usize,
}

/// The environment of what has none, where the agent names none either.
const UNKNOWN_ENV: &str = "unknown-env";

impl Payload {
    /// Writes the buckets of one tracer. `default_env` is the agent's.
    pub(crate) fn write(
        book: Book,
        process: &Process,
        default_env: Option<&str>,
        sequence: u64,
    ) -> Self {
        let spans = book.spans();
        let groups = book.buckets.iter().map(|bucket| bucket.groups.len()).sum();
        let Book { identity, buckets } = book;
        let env = identity.env.as_deref().or(default_env).unwrap_or(UNKNOWN_ENV);
        let mut out = Buffer::default();
        let mut map = Map::begin(&mut out);
        map.text("Hostname", process.hostname().unwrap_or_default());
        map.text("Env", env);
        map.text("Version", identity.version.as_deref().unwrap_or_default());
        map.text("Lang", "rust");
        map.text("TracerVersion", env!("CARGO_PKG_VERSION"));
        map.text("RuntimeID", process.runtime_id());
        map.key("Sequence").uint(sequence);
        map.text("Service", &identity.service);
        map.text("GitCommitSha", process.commit_sha().unwrap_or_default());
        // The agent fills in these.
        for unknown in ["AgentAggregation", "ContainerID", "ImageTag", "ProcessTags"] {
            map.text(unknown, "");
        }
        map.key("Tags").array(0);
        map.key("ProcessTagsHash").uint(0);
        map.key("Stats").array(buckets.len());
        for bucket in buckets {
            write_bucket(map.out, bucket);
        }
        map.end();
        Payload { body: out.into_vec(), spans, groups }
    }
}

fn write_bucket(out: &mut Buffer, bucket: Bucket) {
    let mut map = Map::begin(out);
    map.key("Start").uint(bucket.start);
    map.key("Duration").uint(u64::try_from(BUCKET.as_nanos()).unwrap_or(u64::MAX));
    map.key("AgentTimeShift").uint(0);
    map.key("Stats").array(bucket.groups.len());
    for (key, group) in bucket.groups {
        write_group(map.out, &key, group);
    }
    map.end();
}

fn write_group(out: &mut Buffer, key: &[u8], group: Group) {
    let Group { layout, hits, errors, top_level_hits, duration, ok, failed } = group;
    let numbers = layout.numbers;
    let mut map = Map::begin(out);
    for (name, part) in [
        ("Service", Part::Service),
        ("Name", Part::Name),
        ("Resource", Part::Resource),
        ("Type", Part::Type),
        ("SpanKind", Part::Kind),
        ("HTTPMethod", Part::HttpMethod),
        ("HTTPEndpoint", Part::HttpEndpoint),
        ("GRPCStatusCode", Part::GrpcStatus),
        ("srv_src", Part::ServiceSource),
    ] {
        map.key(name).raw(layout.part(key, part));
    }
    for (name, part, count) in [
        ("PeerTags", Part::PeerTags, numbers.peer_tags),
        ("AdditionalMetricTags", Part::AdditionalTags, numbers.additional_tags),
    ] {
        let out = map.key(name);
        out.array(count.into());
        out.raw(layout.part(key, part));
    }
    map.key("HTTPStatusCode").uint(numbers.http_status.into());
    map.key("Synthetics").bool(numbers.is_synthetic);
    map.key("IsTraceRoot").uint(numbers.is_trace_root.into());
    map.key("Hits").uint(hits);
    map.key("Errors").uint(errors);
    map.key("TopLevelHits").uint(top_level_hits);
    map.key("Duration").uint(duration);
    map.key("OkSummary").bin(&ok.encode_to_vec());
    map.key("ErrorSummary").bin(&failed.encode_to_vec());
    map.text("DBType", "");
    map.key("SpanDerivedPrimaryTags").array(0);
    map.end();
}

/// A map with texts as keys, whose entries are counted.
struct Map<'a> {
    out: &'a mut Buffer,
    start: usize,
    entries: usize,
}

impl<'a> Map<'a> {
    fn begin(out: &'a mut Buffer) -> Self {
        Map { start: out.begin_map(), out, entries: 0 }
    }

    /// Writes a key; its value has to follow.
    fn key(&mut self, key: &str) -> &mut Buffer {
        self.entries += 1;
        self.out.str(key.as_bytes());
        self.out
    }

    fn text(&mut self, key: &str, value: &str) {
        self.key(key).text(value.as_bytes());
    }

    fn end(self) {
        self.out.end_map(self.start, self.entries);
    }
}
