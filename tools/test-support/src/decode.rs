//! Trace payloads as typed spans, decoded more strictly than any agent does.

use std::io::{self, ErrorKind};

use rmpv::Value as Msgpack;
use serde_json::{Map, Number, Value as Json};

use crate::span::Span;

mod v05;
mod v1;

pub use v1::v1;
pub use v05::v05;

/// The paths of the formats that [`payload`] knows.
pub const TRACE_PATHS: [&str; 3] = ["/v0.4/traces", "/v0.5/traces", "/v1.0/traces"];

/// The chunks of a payload that came to a path with one of these ends, with whatever is before it.
///
/// # Errors
///
/// `InvalidData` for a payload that [`v04`], [`v05`] or [`v1`] refuses, and for any other path.
pub fn payload(path: &str, body: &[u8]) -> io::Result<Vec<Vec<Span>>> {
    match TRACE_PATHS.iter().position(|known| path.ends_with(known)) {
        Some(0) => v04(body),
        Some(1) => v05(body),
        Some(_) => v1(body),
        None => Err(invalid(format!("{path} is no path of traces"))),
    }
}

/// The chunks of a v0.4 payload (Datadog agent protocol, `/v0.4/traces`).
///
/// # Errors
///
/// `InvalidData` for what an agent refuses, and for what none does but no encoder should write:
/// bytes after the payload, a key twice in a map, a tag both in `meta` and in `metrics`, text that
/// is not UTF-8, a number that is not finite.
pub fn v04(payload: &[u8]) -> io::Result<Vec<Vec<Span>>> {
    let mut value = value(payload)?;
    for span in elements(&mut value).iter_mut().flat_map(elements) {
        unpack_meta_struct(span)?;
    }
    typed(json(value)?)
}

/// Chunks of spans in the form of v0.4.
fn typed(chunks: Json) -> io::Result<Vec<Vec<Span>>> {
    let chunks: Vec<Vec<Span>> =
        serde_json::from_value(chunks).map_err(|error| invalid(error.to_string()))?;
    for span in chunks.iter().flatten() {
        if let Some(key) = span.meta.keys().find(|key| span.metrics.contains_key(*key)) {
            return Err(invalid(format!("{key:?} is both in meta and in metrics")));
        }
    }
    Ok(chunks)
}

/// Any MessagePack value, which must be all that there is.
///
/// # Errors
///
/// `InvalidData` if it is not one value and nothing else.
pub fn value(mut bytes: &[u8]) -> io::Result<Msgpack> {
    let value = rmpv::decode::read_value(&mut bytes).map_err(|error| invalid(error.to_string()))?;
    match bytes.len() {
        0 => Ok(value),
        more => Err(invalid(format!("{more} bytes after the value"))),
    }
}

/// Those of an array; of anything else none, which its typed decoding will refuse.
fn elements(value: &mut Msgpack) -> &mut [Msgpack] {
    match value {
        Msgpack::Array(elements) => elements,
        _ => &mut [],
    }
}

fn array(value: Msgpack) -> io::Result<Vec<Msgpack>> {
    match value {
        Msgpack::Array(elements) => Ok(elements),
        other => Err(invalid(format!("{other} is no array"))),
    }
}

/// The values of `meta_struct` are MessagePack inside MessagePack.
fn unpack_meta_struct(span: &mut Msgpack) -> io::Result<()> {
    let Msgpack::Map(fields) = span else { return Ok(()) };
    for (_, tags) in fields.iter_mut().filter(|(key, _)| key.as_str() == Some("meta_struct")) {
        let Msgpack::Map(tags) = tags else {
            return Err(invalid("meta_struct is not a map".into()));
        };
        for (key, packed) in tags {
            let Msgpack::Binary(bytes) = packed else {
                return Err(invalid(format!("meta_struct {key} is not binary")));
            };
            *packed = value(bytes)?;
        }
    }
    Ok(())
}

fn json(value: Msgpack) -> io::Result<Json> {
    Ok(match value {
        Msgpack::Nil => Json::Null,
        Msgpack::Boolean(value) => Json::Bool(value),
        Msgpack::Integer(value) => match (value.as_u64(), value.as_i64()) {
            (Some(value), _) => Json::from(value),
            (None, value) => Json::from(value),
        },
        Msgpack::F32(value) => finite(f64::from(value))?,
        Msgpack::F64(value) => finite(value)?,
        Msgpack::String(text) => text.into_str().map(Json::String).ok_or_else(not_utf8)?,
        Msgpack::Array(values) => values.into_iter().map(json).collect::<io::Result<_>>()?,
        Msgpack::Map(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let Msgpack::String(key) = key else {
                    return Err(invalid(format!("the key {key} is not text")));
                };
                let key = key.into_str().ok_or_else(not_utf8)?;
                if map.insert(key.clone(), json(value)?).is_some() {
                    return Err(invalid(format!("the key {key:?} is there twice")));
                }
            }
            Json::Object(map)
        }
        Msgpack::Binary(_) | Msgpack::Ext(..) => {
            return Err(invalid("binary outside of meta_struct".to_owned()));
        }
    })
}

fn finite(value: f64) -> io::Result<Json> {
    let number = Number::from_f64(value).ok_or_else(|| invalid(format!("{value} is no metric")))?;
    Ok(Json::Number(number))
}

fn not_utf8() -> io::Error {
    invalid("text that is not UTF-8".to_owned())
}

fn invalid(what: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const VECTORS: &str = include_str!("../../../tests/vectors/payloads.json");

    fn vector(name: &str) -> Vec<u8> {
        vector_at(&format!("/v04/{name}/hex"))
    }

    fn vector_at(place: &str) -> Vec<u8> {
        let vectors: Json = serde_json::from_str(VECTORS).unwrap();
        let digits = vectors.pointer(place).unwrap().as_str().unwrap().as_bytes().chunks(2);
        let byte = |hex| u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap();
        digits.map(byte).collect()
    }

    fn packed(value: &Msgpack) -> Vec<u8> {
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, value).unwrap();
        bytes
    }

    fn map(entries: Vec<(&str, Msgpack)>) -> Msgpack {
        entries
            .into_iter()
            .map(|(key, value)| (Msgpack::from(key), value))
            .collect::<Vec<_>>()
            .into()
    }

    /// The payload of one span with these fields more.
    fn payload(more: Vec<(&str, Msgpack)>) -> Vec<u8> {
        let mut fields = vec![
            ("name", Msgpack::from("n")),
            ("trace_id", u64::MAX.into()),
            ("span_id", 2.into()),
            ("start", 3.into()),
            ("duration", 4.into()),
        ];
        fields.extend(more);
        packed(&Msgpack::Array(vec![Msgpack::Array(vec![map(fields)])]))
    }

    #[test]
    fn what_existing_tracers_send_is_understood() {
        let spans = v04(&vector("two_spans")).unwrap().concat();
        let (root, child) = (&spans[0], &spans[1]);
        assert_eq!((root.service.as_str(), root.kind.as_str()), ("svc", "web"));
        assert_eq!(root.full_trace_id(), 0x640c_fd8d_0000_0000_abcd_ef01_2345_6789);
        assert_eq!(root.metric("_sampling_priority_v1"), Some(1.0));
        assert_eq!((child.parent_id, child.error), (root.span_id, 1));
        assert_eq!(child.meta("error.message"), Some("boom"));
    }

    #[test]
    fn links_events_and_structures_are_understood() {
        let spans = v04(&vector("links_native_events_meta_struct")).unwrap().concat();
        let with = |is: fn(&Span) -> bool| spans.iter().find(|span| is(span)).unwrap();
        let link = &with(|span| !span.span_links.is_empty()).span_links[0];
        assert_eq!(link.flags.unwrap() & 0x8000_0000, 0x8000_0000);
        let event = &with(|span| !span.span_events.is_empty()).span_events[0];
        let key = event.attributes.keys().next().unwrap();
        assert!(event.attribute(key).is_some());
        let structures = &with(|span| !span.meta_struct.is_empty()).meta_struct;
        assert!(structures.values().all(Json::is_object));
    }

    fn in_tag_form(chunks: Vec<Vec<Span>>) -> Vec<Span> {
        chunks.into_iter().flatten().map(Span::in_tag_form).collect()
    }

    #[test]
    fn v05_of_existing_tracers_is_what_v04_is() {
        for (name, by_v04) in
            [("two_spans", "two_spans"), ("links_events_as_tags", "links_events_as_tag")]
        {
            let by_v05 = v05(&vector_at(&format!("/v05/{name}/hex"))).unwrap();
            let mut by_v04 = in_tag_form(v04(&vector(by_v04)).unwrap());
            by_v04.iter_mut().for_each(|span| span.meta_struct.clear());
            assert_eq!(in_tag_form(by_v05), by_v04);
        }
    }

    #[test]
    fn v1_of_existing_tracers_is_what_v04_is() {
        let vector = |hex: &str| vector_at(&format!("/v1/two_spans_link_event/{hex}"));
        let mut by_v1 = in_tag_form(v1(&vector("hex")).unwrap());
        let mut by_v04 = in_tag_form(v04(&vector("same_content_as_v04/hex")).unwrap());
        assert_eq!(by_v1[0].full_trace_id(), by_v04[0].full_trace_id());
        assert_eq!(
            (by_v1[0].meta("_dd.p.dm"), by_v04[0].meta("_dd.p.dm")),
            (Some("-0"), Some("0"))
        );
        // The tracer of the vector has put these on all spans, where they are on the first one.
        let once = ["_dd.p.tid", "_dd.p.dm", "_dd.git.commit.sha", "language"];
        for key in once {
            assert_eq!((by_v1[0].meta(key).is_some(), by_v1[1].meta(key)), (true, None), "{key}");
        }
        for span in by_v1.iter_mut().chain(&mut by_v04) {
            span.meta.retain(|key, _| !once.contains(&key.as_str()));
            span.metrics.remove("_sampling_priority_v1");
        }
        // And this on a span that did not have it.
        assert_eq!(by_v04[1].meta.remove("version").as_deref(), Some("1.0"));
        assert_eq!(by_v1, by_v04);
    }

    #[test]
    fn what_no_encoder_should_write_of_the_later_formats_is_an_error() {
        let list = |values: Vec<Msgpack>| Msgpack::from(values);
        let by_v05 = |strings: Vec<Msgpack>| v05(&packed(&list(vec![list(strings), list(vec![])])));
        let numbered = |entries: Vec<(u8, Msgpack)>| {
            Msgpack::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
        };
        let by_v1 = |mut entries: Vec<(u8, Msgpack)>| {
            entries.push((11, list(vec![])));
            v1(&packed(&numbered(entries)))
        };
        for (read, reason) in [
            (by_v05(vec!["a".into()]), "not the empty one"),
            (by_v05(vec!["".into(), "a".into(), "a".into()]), "there twice"),
            (by_v1(vec![(3, "a".into()), (4, "a".into())]), "though it has a number"),
            (by_v1(vec![(3, 1.into())]), "no string so far"),
            (by_v1(vec![(3, "a".into()), (3, 1.into())]), "the field 3 is there twice"),
            (by_v1(vec![(1, list(vec![]))]), "unknown field 1"),
            (by_v1(vec![(10, list(vec!["a".into(), 1.into()]))]), "not three values"),
            (by_v1(vec![(10, list(vec!["a".into(), 3.into(), 1.into()]))]), "not of the type"),
            (v1(&packed(&numbered(vec![]))), "no chunks"),
        ] {
            let error = read.unwrap_err();
            assert!(error.to_string().contains(reason), "{error:?}, expected {reason:?}");
        }
        assert!(by_v05(vec!["".into(), "a".into()]).is_ok());
        assert!(by_v1(vec![(3, "a".into()), (4, 1.into())]).is_ok());
    }

    #[test]
    fn a_structure_is_decoded_twice() {
        let inside = packed(&map(vec![("a", Msgpack::from(1))]));
        let bytes = payload(vec![("meta_struct", map(vec![("s", Msgpack::Binary(inside))]))]);
        assert_eq!(v04(&bytes).unwrap()[0][0].meta_struct["s"], json!({"a": 1}));
    }

    #[test]
    fn what_no_encoder_should_write_is_an_error() {
        let not_utf8 = |payload: Vec<u8>| -> Vec<u8> {
            payload.into_iter().map(|byte| if byte == b'?' { 0xff } else { byte }).collect()
        };
        let tag = |value: Msgpack| map(vec![("k", value)]);
        let mut trailing = payload(vec![]);
        trailing.push(0xc0);
        for (bytes, reason) in [
            (trailing, "1 bytes after the value"),
            (payload(vec![("name", "again".into())]), "\"name\" is there twice"),
            (payload(vec![("meta", tag("a".into())), ("metrics", tag(1.into()))]), "\"k\" is both"),
            (payload(vec![("meta", tag(1.into()))]), "expected a string"),
            (not_utf8(payload(vec![("meta", tag("?".into()))])), "not UTF-8"),
            (payload(vec![("metrics", tag(f64::NAN.into()))]), "NaN is no metric"),
            (payload(vec![("meta_struct", tag("a".into()))]), "not binary"),
            (payload(vec![("unknown", 1.into())]), "unknown field"),
            (
                payload(vec![("meta", vec![(Msgpack::from(1), Msgpack::from(2))].into())]),
                "not text",
            ),
        ] {
            let error = v04(&bytes).unwrap_err();
            assert!(error.to_string().contains(reason), "{error:?}, expected {reason:?}");
        }
    }
}
