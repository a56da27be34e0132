//! What the configuration says about propagation.

use super::names::Field;
use crate::config::{BaggageTagKeys, Config, ExtractBehavior, Style};
use crate::text::Text;

/// Copied from the configuration once. What each request looks at lies together, and the rest of a configuration, such
/// as its report, is not kept.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) inject: Vec<Style>,
    pub(super) extract: Vec<Style>,
    /// The names of all headers that are read.
    pub(super) extracted: Vec<&'static str>,
    pub(super) extract_first: bool,
    pub(super) behavior: ExtractBehavior,
    /// The longest `x-datadog-tags`, in bytes; 0 for none.
    pub(super) datadog_tags_max: usize,
    /// Whether baggage also travels as `ot-baggage-*`.
    pub(super) http_baggage: bool,
    pub(super) baggage_tag_keys: BaggageTagKeys,
    /// Whether context of organisations other than our own and these is refused.
    pub(super) org_guard: bool,
    pub(super) org_guard_trusted: Vec<Text>,
    /// Whether context that names no organisation is refused as well.
    pub(super) org_guard_strict: bool,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        Settings {
            inject: config.inject_styles().to_vec(),
            extract: config.extract_styles().to_vec(),
            extracted: Field::of_styles(config.extract_styles()).map(Field::header).collect(),
            extract_first: config.extract_first(),
            behavior: config.extract_behavior(),
            datadog_tags_max: config.datadog_tags_max_length(),
            http_baggage: config.http_baggage(),
            baggage_tag_keys: config.baggage_tag_keys().clone(),
            org_guard: config.org_guard(),
            org_guard_trusted: config.org_guard_trusted().to_vec(),
            org_guard_strict: config.org_guard_strict(),
        }
    }
}
