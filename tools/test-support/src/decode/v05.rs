//! v0.5: a table of strings, and spans as arrays of twelve.

use std::collections::HashSet;
use std::io;

use rmpv::Value as Msgpack;
use serde_json::{Map, Value as Json};

use super::{array, invalid, json, typed, value};
use crate::span::Span;

/// The chunks of a v0.5 payload (`/v0.5/traces`). Links and events are what they are there, tags of JSON.
///
/// # Errors
///
/// `InvalidData` for what an agent refuses, and for what none does but no encoder should write: a string twice in the
/// table, a first string that is not empty, a tag both in `meta` and in `metrics`.
pub fn v05(payload: &[u8]) -> io::Result<Vec<Vec<Span>>> {
    let [strings, chunks] = fixed(value(payload)?)?;
    let strings: Vec<String> = array(strings)?.into_iter().map(text).collect::<io::Result<_>>()?;
    if strings.first().is_none_or(|first| !first.is_empty()) {
        return Err(invalid("the first string is not the empty one".to_owned()));
    }
    if strings.iter().collect::<HashSet<_>>().len() != strings.len() {
        return Err(invalid("a string is there twice".to_owned()));
    }
    let spans = |chunk| array(chunk)?.into_iter().map(|of| span(of, &strings)).collect();
    let chunks = array(chunks)?.into_iter().map(spans).collect::<io::Result<Vec<Json>>>()?;
    typed(Json::Array(chunks))
}

fn span(span: Msgpack, strings: &[String]) -> io::Result<Json> {
    let fields: [Msgpack; 12] = fixed(span)?;
    let names = [
        "service",
        "name",
        "resource",
        "trace_id",
        "span_id",
        "parent_id",
        "start",
        "duration",
        "error",
        "meta",
        "metrics",
        "type",
    ];
    let mut map = Map::new();
    for (name, field) in names.into_iter().zip(fields) {
        let field = match name {
            "service" | "name" | "resource" | "type" => string(&field, strings)?.into(),
            "meta" => tags(field, strings, |value| Ok(string(&value, strings)?.into()))?,
            "metrics" => tags(field, strings, json)?,
            _ => json(field)?,
        };
        map.insert(name.to_owned(), field);
    }
    Ok(Json::Object(map))
}

fn tags(
    map: Msgpack,
    strings: &[String],
    read: impl Fn(Msgpack) -> io::Result<Json>,
) -> io::Result<Json> {
    let Msgpack::Map(entries) = map else { return Err(invalid(format!("{map} is no map"))) };
    let mut tags = Map::new();
    for (key, value) in entries {
        let key = string(&key, strings)?;
        if tags.insert(key.clone(), read(value)?).is_some() {
            return Err(invalid(format!("the key {key:?} is there twice")));
        }
    }
    Ok(Json::Object(tags))
}

fn string(index: &Msgpack, strings: &[String]) -> io::Result<String> {
    let at = index.as_u64().and_then(|at| usize::try_from(at).ok());
    let string = at.and_then(|at| strings.get(at));
    string.cloned().ok_or_else(|| invalid(format!("{index} is no string of the table")))
}

fn text(value: Msgpack) -> io::Result<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| invalid(format!("{value} is no text")))
}

/// An array of so many.
fn fixed<const N: usize>(value: Msgpack) -> io::Result<[Msgpack; N]> {
    array(value)?.try_into().map_err(|_| invalid(format!("no array of {N}")))
}
