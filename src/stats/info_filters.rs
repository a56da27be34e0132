//! Traces that the agent would throw away, as it has said in `/info`: they are neither counted nor sent.

use std::collections::HashSet;

use regex::Regex;

use super::meta::meta;
use super::tag_key::TagKey;
use crate::agent::{AgentInfo, TagFilters};
use crate::quantize::{service_name, tag_name};
use crate::text::Text;
use crate::trace::{Chunk, SpanView};

/// What the agent says about the traces that it does not want.
#[derive(Debug)]
pub(crate) struct InfoFilters {
    ignored_resources: Vec<Regex>,
    rejected: Vec<Filter>,
    required: Vec<Filter>,
    /// Patterns that cannot be read, for a line: the agent's are of another kind of regular expressions.
    pub(crate) unreadable: Vec<String>,
}

/// What a tag of the first span of a trace has to be.
#[derive(Debug)]
struct Filter {
    key: TagKey,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Any,
    Exactly(String),
    Matching(Regex),
}

impl InfoFilters {
    pub(super) fn of(info: &AgentInfo) -> Self {
        let mut unreadable = Vec::new();
        let mut read = |pattern: &str| {
            let regex = Regex::new(pattern);
            if regex.is_err() {
                unreadable.push(pattern.to_owned());
            }
            regex.ok()
        };
        let ignored_resources = info.ignore_resources.iter().filter_map(|it| read(it)).collect();
        let mut filters = |of: fn(&TagFilters) -> &Vec<String>| -> Vec<Filter> {
            let exact = of(&info.filter_tags).iter().filter_map(|text| {
                let (key, value) = split(text)?;
                Some(Filter {
                    key,
                    value: value.map_or(Value::Any, |it| Value::Exactly(it.into())),
                })
            });
            let patterns = of(&info.filter_tags_regex).iter().filter_map(|text| {
                let (key, value) = split(text)?;
                let value = value.map(|pattern| read(pattern).map(Value::Matching));
                Some(Filter { key, value: value.unwrap_or(Some(Value::Any))? })
            });
            exact.chain(patterns).collect()
        };
        let (rejected, required) = (filters(|of| &of.reject), filters(|of| &of.require));
        InfoFilters { ignored_resources, rejected, required, unreadable }
    }

    /// Whether the agent wants a trace neither counted nor sent.
    pub(crate) fn reject(&self, chunk: &Chunk) -> bool {
        let InfoFilters { ignored_resources, rejected, required, .. } = self;
        if ignored_resources.is_empty() && rejected.is_empty() && required.is_empty() {
            return false;
        }
        let Some(root) = root(chunk) else { return false };
        let global = chunk.segment().shared.tags.load();
        let resource = root.resource();
        ignored_resources.iter().any(|regex| regex.is_match(&resource))
            || rejected.iter().any(|filter| filter.matches(&root, &global))
            || !required.iter().all(|filter| filter.matches(&root, &global))
    }
}

/// `key:value` or `key`. `None` where there is no key.
fn split(text: &str) -> Option<(TagKey, Option<&str>)> {
    let (key, value) = text.split_once(':').unwrap_or((text, ""));
    let (key, value) = (key.trim(), value.trim());
    (!key.is_empty())
        .then(|| (TagKey::new(Text::copy(key)), Some(value).filter(|it| !it.is_empty())))
}

/// The span by which the agent judges: that without a parent, else the last one whose parent is not in the chunk.
fn root(chunk: &Chunk) -> Option<SpanView<'_>> {
    if let Some(root) = chunk.spans().find(|span| span.parent_id().is_none()) {
        return Some(root);
    }
    let ids: HashSet<_> = chunk.spans().map(|span| span.span_id()).collect();
    chunk.spans().filter(|span| !ids.contains(&span.parent_id())).last()
}

impl Filter {
    fn matches(&self, span: &SpanView<'_>, global: &[(Text, Text)]) -> bool {
        let Some(value) = meta(span, &self.key, global) else { return false };
        let value = match self.key.name() {
            "env" => tag_name(&value).into(),
            "peer.service" | "_dd.base_service" => service_name(&value).into(),
            "http.status_code" if !is_status(&value) => return false,
            _ => value,
        };
        self.value.matches(&value)
    }
}

impl Value {
    fn matches(&self, value: &str) -> bool {
        match self {
            Value::Any => true,
            Value::Exactly(exactly) => value == exactly,
            Value::Matching(regex) => regex.is_match(value),
        }
    }
}

/// The agent removes any other status.
fn is_status(value: &str) -> bool {
    value.parse::<u16>().is_ok_and(|status| (100..600).contains(&status))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::testkit::Bench;
    use serde_json::{Value as Json, json};

    fn filters(info: &Json) -> InfoFilters {
        InfoFilters::of(&AgentInfo::of_json(info))
    }

    /// A trace with these tags on its root, and others on its child.
    fn chunk(tags: &[(&'static str, &'static str)]) -> Chunk {
        let bench = Bench::with(|shared| {
            shared.env = Some("Prod EU".into());
            shared.tags = crate::sync::Snapshot::new(vec![("team".into(), "blue".into())]);
        });
        let root = bench.span("web.request").root().resource("GET /health").start();
        tags.iter().for_each(|(key, value)| root.set_tag(*key, *value));
        bench.span("other").child_of(&root).tag("of_child", "x").start().finish();
        root.finish();
        bench.take_chunks().remove(0)
    }

    #[test]
    fn a_trace_is_judged_by_its_root() {
        let tags = [("http.status_code", "200"), ("user", "a:b"), ("peer.service", "My DB")];
        for (info, expected) in [
            (json!({}), false),
            (json!({"ignore_resources": ["health$"]}), true),
            (json!({"ignore_resources": ["^health"]}), false),
            (json!({"ignore_resources": ["(", "^GET"]}), true),
            (json!({"filter_tags": {"reject": ["user"]}}), true),
            (json!({"filter_tags": {"reject": [" user : a:b "]}}), true),
            (json!({"filter_tags": {"reject": ["user:a"]}}), false),
            (json!({"filter_tags": {"reject": ["of_child"]}}), false),
            (json!({"filter_tags": {"reject": ["env:prod_eu"]}}), true),
            (json!({"filter_tags": {"reject": ["env:Prod EU"]}}), false),
            (json!({"filter_tags": {"reject": ["team:blue"]}}), true),
            (json!({"filter_tags": {"reject": ["peer.service:my_db"]}}), true),
            (json!({"filter_tags": {"reject": ["http.status_code:200"]}}), true),
            (json!({"filter_tags": {"reject": [":x", ""]}}), false),
            (json!({"filter_tags": {"require": ["user"]}}), false),
            (json!({"filter_tags": {"require": ["user", "absent"]}}), true),
            (json!({"filter_tags_regex": {"reject": ["user:^a"]}}), true),
            (json!({"filter_tags_regex": {"reject": ["us.*:a"]}}), false),
            (json!({"filter_tags_regex": {"reject": ["user:("]}}), false),
            (json!({"filter_tags_regex": {"require": ["user:c"]}}), true),
            (json!({"filter_tags_regex": {"require": ["user:"]}}), false),
        ] {
            assert_eq!(filters(&info).reject(&chunk(&tags)), expected, "{info}");
        }
    }

    #[test]
    fn a_status_that_is_none_matches_nothing() {
        for wrong in ["99", "600", "abc", ""] {
            let chunk = chunk(&[("http.status_code", wrong)]);
            let of = |kind: &str| json!({"filter_tags": {kind: ["http.status_code"]}});
            assert!(!filters(&of("reject")).reject(&chunk), "{wrong}");
            assert!(filters(&of("require")).reject(&chunk), "{wrong}");
        }
    }

    #[test]
    fn patterns_that_cannot_be_read_are_named() {
        let info =
            json!({"ignore_resources": ["("], "filter_tags_regex": {"require": ["a:[", "b:c"]}});
        let filters = filters(&info);
        assert_eq!((filters.unreadable.len(), filters.required.len()), (2, 1));
    }

    #[test]
    fn the_last_span_whose_parent_is_elsewhere_stands_for_a_root_that_is_not_there() {
        let bench = Bench::new();
        let root = bench.span("root").root().start();
        bench.span("first").child_of(&root).start().finish();
        let last = bench.span("last").child_of(&root).start();
        bench.span("below").child_of(&last).start().finish();
        last.finish();
        root.finish();
        let mut chunk = bench.take_chunks().remove(0);
        chunk.retain(|span| span.name() != "root");
        assert_eq!(super::root(&chunk).unwrap().name(), "last");
    }
}
