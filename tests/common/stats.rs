//! Statistics as an agent has them after decoding.

#![allow(clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use std::collections::BTreeMap;

use rmpv::Value as Msgpack;
use serde_json::{Value, json};
use tracehound::Tracer;
use tracehound_test_support::fault_agent::Received;
use tracehound_test_support::{FaultAgent, decode};

use super::LIMIT;

pub const STATS: &str = "/v0.6/stats";
pub const TRACES: &str = "/v0.4/traces";

/// A trace that makes the tracer ask the agent what it takes. What follows is counted as the agent wants it.
pub fn warm_up(tracer: &Tracer) {
    let span = tracer.start_span(WARM_UP);
    span.keep_trace();
    span.finish();
    tracer.flush(LIMIT).unwrap();
}

pub const WARM_UP: &str = "warm.up";

/// The payloads of all requests with statistics, binary as arrays of numbers.
pub fn payloads(agent: &FaultAgent) -> Vec<Value> {
    agent.requests_to(STATS).iter().map(|request| payload(request)).collect()
}

pub fn payload(request: &Received) -> Value {
    as_json(&decode::value(&request.body).unwrap())
}

fn as_json(value: &Msgpack) -> Value {
    match value {
        Msgpack::Binary(bytes) => json!(bytes),
        Msgpack::Array(values) => values.iter().map(as_json).collect(),
        Msgpack::Map(entries) => {
            let entries = entries.iter();
            entries.map(|(key, value)| (key.as_str().unwrap().to_owned(), as_json(value))).collect()
        }
        Msgpack::String(text) => json!(text.as_str()),
        Msgpack::Boolean(value) => json!(value),
        number => json!(number.as_u64()),
    }
}

/// All groups but that of [`warm_up`], each with the start of its bucket.
pub fn groups(payloads: &[Value]) -> Vec<(u64, Value)> {
    let buckets = payloads.iter().flat_map(|payload| payload["Stats"].as_array().unwrap());
    let groups = buckets.flat_map(|bucket| {
        let start = bucket["Start"].as_u64().unwrap();
        bucket["Stats"].as_array().unwrap().iter().map(move |group| (start, group.clone()))
    });
    groups.filter(|(_, group)| group["Name"] != WARM_UP).collect()
}

/// How many spans are counted under each name.
pub fn hits(agent: &FaultAgent) -> BTreeMap<String, u64> {
    let mut hits = BTreeMap::new();
    for (_, group) in groups(&payloads(agent)) {
        let name = group["Name"].as_str().unwrap().to_owned();
        *hits.entry(name).or_default() += group["Hits"].as_u64().unwrap();
    }
    hits
}

/// A header of each request to a path.
pub fn headers(agent: &FaultAgent, path: &str, name: &str) -> Vec<Option<String>> {
    let requests = agent.requests_to(path);
    requests.iter().map(|request| request.headers.get(name).map(str::to_owned)).collect()
}

/// How many spans the agent was told to have been dropped.
pub fn told_dropped(agent: &FaultAgent) -> u64 {
    let told = headers(agent, TRACES, "datadog-client-dropped-p0-spans");
    told.iter().flatten().map(|number| number.parse::<u64>().unwrap()).sum()
}

/// A DDSketch, read by its definition (sketches-go, `ddsketch.proto`) and not by the library that wrote it.
#[derive(Debug, Default)]
pub struct Sketch {
    gamma: f64,
    index_offset: f64,
    first: i64,
    bins: Vec<f64>,
    zeros: f64,
}

impl Sketch {
    pub fn read(bytes: &Value) -> Self {
        let bytes: Vec<u8> = serde_json::from_value(bytes.clone()).unwrap();
        let mut sketch = Sketch::default();
        for (field, value) in fields(&bytes) {
            match (field, value) {
                (1, Field::Bytes(mapping)) => {
                    for (field, value) in fields(mapping) {
                        match (field, value) {
                            (1, Field::Double(gamma)) => sketch.gamma = gamma,
                            (2, Field::Double(offset)) => sketch.index_offset = offset,
                            other => panic!("{other:?}"),
                        }
                    }
                }
                (2, Field::Bytes(store)) => {
                    for (field, value) in fields(store) {
                        match (field, value) {
                            (2, Field::Bytes(packed)) => {
                                let bin =
                                    |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().unwrap());
                                sketch.bins = packed.chunks(8).map(bin).collect();
                            }
                            (3, Field::Varint(zigzag)) => {
                                sketch.first = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
                            }
                            other => panic!("{other:?}"),
                        }
                    }
                }
                (3, Field::Bytes([])) => {}
                (4, Field::Double(zeros)) => sketch.zeros = zeros,
                other => panic!("{other:?}"),
            }
        }
        sketch
    }

    /// The sketch of the values of both.
    pub fn merged(self, other: Self) -> Self {
        let parts = [&self, &other].into_iter().filter(|sketch| !sketch.bins.is_empty());
        let first = parts.clone().map(|sketch| sketch.first).min().unwrap_or_default();
        let end = parts.clone().map(|sketch| sketch.first + sketch.bins.len() as i64).max();
        let mut bins = vec![0.0; (end.unwrap_or(first) - first) as usize];
        for sketch in parts {
            for (place, count) in sketch.bins.iter().enumerate() {
                bins[(sketch.first - first) as usize + place] += count;
            }
        }
        assert_eq!((self.gamma, self.index_offset), (other.gamma, other.index_offset));
        Sketch { first, bins, zeros: self.zeros + other.zeros, ..self }
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        (self.bins.iter().sum::<f64>() + self.zeros) as u64
    }

    /// The value with so many values below it.
    pub fn at_rank(&self, rank: u64) -> f64 {
        let mut below = self.zeros;
        for (place, count) in self.bins.iter().enumerate() {
            below += count;
            if below > rank as f64 {
                let index = (self.first + place as i64) as f64;
                let lower = self.gamma.powf(index - self.index_offset);
                return lower * (2.0 * self.gamma / (1.0 + self.gamma));
            }
        }
        0.0
    }

    /// How far a value may be from the one it stands for.
    pub fn accuracy(&self) -> f64 {
        (self.gamma - 1.0) / (self.gamma + 1.0)
    }
}

#[derive(Debug)]
enum Field<'a> {
    Varint(u64),
    Double(f64),
    Bytes(&'a [u8]),
}

/// The fields of a protobuf message.
fn fields(mut rest: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let key = varint(&mut rest);
        let value = match key & 7 {
            0 => Field::Varint(varint(&mut rest)),
            1 => Field::Double(f64::from_le_bytes(take(&mut rest, 8).try_into().unwrap())),
            2 => {
                let length = varint(&mut rest) as usize;
                Field::Bytes(take(&mut rest, length))
            }
            other => panic!("wire type {other}"),
        };
        fields.push((key >> 3, value));
    }
    fields
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, after) = rest.split_at(length);
    *rest = after;
    taken
}

fn varint(rest: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}
