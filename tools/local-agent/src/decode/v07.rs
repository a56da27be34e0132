//! v0.7: a map around v0.4's spans (trace-payload §7.3).

use std::collections::BTreeMap;

use super::error::Result;
use super::reader::Reader;
use super::span_map::span;
use crate::model::{Chunk, Text};

/// The payload's own texts; where v0.4 has a tag for one, it becomes that tag of each first span.
const TEXTS: [(&str, Option<&str>); 8] = [
    ("container_id", None),
    ("language_name", Some("language")),
    ("language_version", None),
    ("tracer_version", None),
    ("runtime_id", Some("runtime-id")),
    ("env", Some("env")),
    ("hostname", Some("_dd.hostname")),
    ("app_version", Some("version")),
];

pub(super) fn body(reader: &mut Reader<'_>) -> Result<Vec<Chunk>> {
    let mut list = Vec::new();
    let mut tags: Vec<(Text, Text)> = Vec::new();
    reader.fields("the payload", "a payload map", |reader, name| {
        let known = TEXTS.iter().find(|(known, _)| *known == name);
        match (known, name) {
            _ if reader.nil() => {}
            (Some((_, tag)), _) => {
                let text = reader.text("a text")?;
                if let Some(tag) = tag {
                    tags.push((reader.share(tag)?, text));
                }
            }
            (None, "tags") => tags.extend(texts(reader)?),
            (None, "chunks") => list = reader.list("an array of chunks", "chunk", chunk)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    for span in list.iter_mut().filter_map(|chunk| chunk.spans.first_mut()) {
        for (key, value) in tags.iter().filter(|(_, value)| !value.is_empty()) {
            reader.charge_entry::<Text>(key)?;
            span.meta.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    Ok(list)
}

fn chunk(reader: &mut Reader<'_>) -> Result<Chunk> {
    let mut chunk = Chunk::default();
    let mut priority: Option<i32> = None;
    let mut origin = Text::default();
    let mut tags = BTreeMap::new();
    reader.fields("a chunk", "a chunk map", |reader, name| {
        match name {
            "priority" => priority = Some(reader.integer("a priority")?),
            "origin" => origin = reader.optional(|reader| reader.text("a text"))?,
            "tags" => tags = reader.optional(texts)?,
            "spans" => chunk.spans = reader.list("an array of spans", "span", span)?,
            "dropped_trace" => drop(reader.bool()?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if let Some(first) = chunk.spans.first_mut() {
        for (key, value) in tags {
            first.meta.entry(key).or_insert(value);
        }
        if let Some(priority) = priority {
            first.metrics.entry("_sampling_priority_v1".into()).or_insert(priority.into());
        }
    }
    if !origin.is_empty() {
        let key = reader.share("_dd.origin")?;
        for span in &mut chunk.spans {
            span.meta.entry(key.clone()).or_insert_with(|| origin.clone());
        }
    }
    Ok(chunk)
}

fn texts(reader: &mut Reader<'_>) -> Result<BTreeMap<Text, Text>> {
    reader.text_map(|reader| reader.text("a text"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Encoding, decode};

    #[test]
    fn what_surrounds_the_spans_becomes_their_tags() {
        let span = |id: u64| json!({"trace_id": 1, "span_id": id, "name": "op", "start": 3, "duration": 4});
        let chunk = json!({
            "priority": 2, "origin": "synthetics", "spans": [span(1), span(2)],
            "tags": {"_dd.p.tid": "640cfd8d00000000"}, "dropped_trace": false,
        });
        let payload = json!({
            "language_name": "rust", "env": "prod", "tags": null, "chunks": [chunk],
        });
        let body = rmp_serde::to_vec(&payload).unwrap();
        let decoded = decode(Encoding::V07, &body).unwrap();
        assert!(decoded.findings.is_empty());
        let [first, second] = decoded.chunks[0].spans.as_slice() else { panic!("two spans") };
        assert_eq!(first.meta("language"), Some("rust"));
        assert_eq!(first.meta("env"), Some("prod"));
        assert_eq!(first.metric("_sampling_priority_v1"), Some(2.0));
        assert_eq!(second.meta("_dd.origin"), Some("synthetics"));
        assert_eq!(second.meta("env"), None);
        assert_eq!(second.trace_id, 0x640c_fd8d_0000_0000_0000_0000_0000_0001);
    }
}
