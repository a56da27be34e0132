//! v0.7: a map around v0.4's spans (trace-payload §7.3).

use super::error::{Result, Within};
use super::payload::{chunks, spans};
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
    for _ in 0..reader.map("a payload map")? {
        let name = reader.str("a field name")?;
        if let Some((_, tag)) = TEXTS.iter().find(|(known, _)| *known == name) {
            let text = optional_text(reader).within(|| format!("`{name}`"))?;
            if let Some(tag) = tag {
                tags.push((reader.share(tag)?, text));
            }
            continue;
        }
        match name {
            _ if reader.nil() => {}
            "tags" => tags.extend(texts(reader).within(|| "`tags`".into())?),
            "chunks" => list = chunks(reader, chunk)?,
            _ => reader.unknown("the payload", name)?,
        }
    }
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
    let mut priority = None;
    let mut origin = Text::default();
    let mut tags = Vec::new();
    for _ in 0..reader.map("a chunk map")? {
        match reader.str("a field name")? {
            "priority" => priority = Some(reader.i32("a priority").within(|| "`priority`".into())?),
            "origin" => origin = optional_text(reader).within(|| "`origin`".into())?,
            "spans" => chunk.spans = spans(reader, span)?,
            "tags" => tags = texts(reader).within(|| "`tags`".into())?,
            "dropped_trace" => {
                reader.bool().within(|| "`dropped_trace`".into())?;
            }
            other => reader.unknown("a chunk", other)?,
        }
    }
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

fn optional_text(reader: &mut Reader<'_>) -> Result<Text> {
    if reader.nil() { Ok(Text::default()) } else { reader.text("a text") }
}

fn texts(reader: &mut Reader<'_>) -> Result<Vec<(Text, Text)>> {
    if reader.nil() {
        return Ok(Vec::new());
    }
    let map = reader.text_map(|reader| reader.text("a text"))?;
    Ok(map.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use rmpv::Value;

    use super::super::{Encoding, decode};

    fn map(entries: &[(&str, Value)]) -> Value {
        Value::Map(entries.iter().map(|(k, v)| ((*k).into(), v.clone())).collect())
    }

    #[test]
    fn what_surrounds_the_spans_becomes_their_tags() {
        let span = |id: u64| {
            map(&[
                ("trace_id", 1.into()),
                ("span_id", id.into()),
                ("name", "op".into()),
                ("start", 3.into()),
                ("duration", 4.into()),
            ])
        };
        let chunk = map(&[
            ("priority", 2.into()),
            ("origin", "synthetics".into()),
            ("spans", Value::Array(vec![span(1), span(2)])),
            ("tags", map(&[("_dd.p.tid", "640cfd8d00000000".into())])),
            ("dropped_trace", false.into()),
        ]);
        let payload = map(&[
            ("language_name", "rust".into()),
            ("env", "prod".into()),
            ("tags", Value::Nil),
            ("chunks", Value::Array(vec![chunk])),
        ]);
        let mut body = Vec::new();
        rmpv::encode::write_value(&mut body, &payload).unwrap();

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
