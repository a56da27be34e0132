//! What the configuration says about propagation.

use super::names::Field;
use crate::config::{BaggageTagKeys, Config, ExtractBehavior, Style};
use crate::text::Text;

/// Copied out of the configuration once: what every request looks at lies together.
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
    pub(super) org_guard: OrgGuard,
}

/// Which organisations' context is accepted.
#[derive(Clone, Debug)]
pub(super) struct OrgGuard {
    pub(super) enabled: bool,
    pub(super) trusted: Vec<Text>,
    /// Context without a marker counts as foreign.
    pub(super) strict: bool,
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
            org_guard: OrgGuard {
                enabled: config.org_guard(),
                trusted: config.org_guard_trusted().to_vec(),
                strict: config.org_guard_strict(),
            },
        }
    }
}
