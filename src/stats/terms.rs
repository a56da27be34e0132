//! Whether the agent wants statistics from the tracer, and what it has said about how.

use super::info_filters::InfoFilters;
use super::meta::kind_text;
use super::obfuscation::Obfuscation;
use super::tag_key::TagKey;
use crate::agent::AgentInfo;
use crate::config::StatsSettings;
use crate::trace::{SpanKind, SpanView};

/// Where the agent takes statistics.
const PATH: &str = "/v0.6/stats";
/// The oldest agent that leaves all of it to tracers.
const OLDEST_VERSION: (u64, u64) = (7, 65);
/// The kinds that count where the agent names none.
const KINDS: [&str; 4] = ["client", "server", "producer", "consumer"];

/// What the agent and the settings say about statistics. It stays the same until the agent says something else.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) filters: InfoFilters,
    pub(super) peer_tags: Vec<TagKey>,
    pub(super) additional_tags: Vec<TagKey>,
    /// `None` where the agent obfuscates resources.
    pub(super) obfuscation: Option<Obfuscation>,
    /// Those of the five kinds that count, a bit for each.
    known_kinds: u8,
    /// All that count, in lower case.
    kinds: Vec<String>,
}

impl Terms {
    /// `None` where statistics are off: by a setting, or because the agent does not take them.
    pub(crate) fn of(info: &AgentInfo, settings: &StatsSettings) -> Option<Self> {
        let takes_stats = info.endpoints.iter().any(|path| path == PATH);
        if !settings.is_on || !info.client_drop_p0s || !takes_stats || is_old(info) {
            return None;
        }
        let kinds: Vec<String> = match &info.span_kinds_stats_computed {
            Some(kinds) => kinds.iter().map(|kind| kind.to_lowercase()).collect(),
            None => KINDS.map(str::to_owned).into(),
        };
        let known = kinds.iter().filter_map(|kind| SpanKind::parse(kind));
        Some(Terms {
            filters: InfoFilters::of(info),
            obfuscation: settings.obfuscates.then(|| Obfuscation::of(info)).flatten(),
            peer_tags: info.peer_tags.iter().map(TagKey::new).collect(),
            additional_tags: settings
                .additional_tags
                .iter()
                .map(|tag| TagKey::new(tag.clone()))
                .collect(),
            known_kinds: known.fold(0, |kinds, kind| kinds | bit(kind)),
            kinds,
        })
    }

    /// Whether resources are obfuscated here, and not by the agent.
    pub(crate) fn obfuscates(&self) -> bool {
        self.obfuscation.is_some()
    }

    /// Whether spans of this span's kind count.
    pub(super) fn counts_kind(&self, span: &SpanView<'_>) -> bool {
        match span.kind() {
            Some(kind) => self.known_kinds & bit(kind) != 0,
            None => {
                let kind = kind_text(span);
                !kind.is_empty() && self.kinds.contains(&kind.to_lowercase())
            }
        }
    }
}

fn bit(kind: SpanKind) -> u8 {
    1 << kind as u8
}

/// Whether the agent says that it is older than [`OLDEST_VERSION`]. One that says nothing, or no version, is not.
fn is_old(info: &AgentInfo) -> bool {
    let Some(version) = info.version.as_deref() else { return false };
    let mut numbers = version.split('.').map(|number| number.parse::<u64>());
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < OLDEST_VERSION,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::testkit::Bench;

    fn info() -> AgentInfo {
        AgentInfo {
            client_drop_p0s: true,
            endpoints: vec!["/v0.4/traces".into(), PATH.into()],
            ..AgentInfo::default()
        }
    }

    #[test]
    fn the_agent_and_the_setting_have_to_agree() {
        let on = StatsSettings { is_on: true, ..StatsSettings::default() };
        let is_on = |info: &AgentInfo, settings: &_| Terms::of(info, settings).is_some();
        assert!(is_on(&info(), &on));
        assert!(!is_on(&info(), &StatsSettings { is_on: false, ..on.clone() }));
        assert!(!is_on(&AgentInfo { client_drop_p0s: false, ..info() }, &on));
        assert!(!is_on(&AgentInfo { endpoints: vec!["/v0.6/stat".into()], ..info() }, &on));
        for (version, expected) in [
            ("7.65.0", true),
            ("7.64.3", false),
            ("6.99.0", false),
            ("8.0.0-rc.1", true),
            ("7.64", false),
            ("test", true),
            ("", true),
        ] {
            let info = AgentInfo { version: Some(version.into()), ..info() };
            assert_eq!(is_on(&info, &on), expected, "{version}");
        }
    }

    #[test]
    fn the_kinds_that_count_are_the_agents() {
        let on = StatsSettings { is_on: true, ..StatsSettings::default() };
        let bench = Bench::new();
        let count = |kinds: Option<&[&str]>, kind: &'static str| {
            let named = kinds.map(|kinds| kinds.iter().map(|kind| (*kind).to_owned()).collect());
            let terms = Terms::of(&AgentInfo { span_kinds_stats_computed: named, ..info() }, &on);
            let span = bench.span("x").root().tag("span.kind", kind).start();
            span.read(|span| terms.unwrap().counts_kind(span)).unwrap()
        };
        assert!(["client", "server", "producer", "consumer"].iter().all(|kind| count(None, kind)));
        assert!(!count(None, "internal") && !count(None, "odd") && !count(None, ""));
        assert!(count(None, "SERVER"));
        let named = Some(&["Internal", "Odd"][..]);
        assert!(count(named, "internal") && count(named, "ODD") && !count(named, "server"));
        assert!(!count(Some(&[]), "server"));
    }
}
