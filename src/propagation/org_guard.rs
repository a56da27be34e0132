//! The guard that keeps another organisation's decisions out of our traces.

use super::settings::Settings;
use super::tags::{ORG_MARKER, is_named};
use crate::trace::{SpanContext, TagOrder};

/// Strips a context that comes from neither the own organisation nor a trusted one.
///
/// What is left is what links the traces: ids, baggage and the members of other vendors.
pub(super) fn enforce(context: &mut SpanContext, settings: &Settings, own: &str) {
    let is_accepted = match context.tags.iter().find(|(name, _)| is_named(name, ORG_MARKER)) {
        Some((_, marker)) => *marker == *own || settings.org_guard_trusted.contains(marker),
        None => !settings.org_guard_strict,
    };
    if is_accepted {
        return;
    }
    (context.priority, context.mechanism) = (None, None);
    (context.origin, context.last_parent, context.probability) = (None, None, None);
    (context.tags, context.tag_order) = (Vec::new(), TagOrder::default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Environment};
    use crate::id::{SpanId, TraceId};
    use crate::trace::{SamplingMechanism, SamplingPriority};

    #[test]
    fn only_known_organisations_are_followed() {
        for (marker, strict, accepted) in [
            (Some("own"), false, true),
            (Some("own"), true, true),
            (Some("friend"), true, true),
            (Some("foe"), false, false),
            (Some("Own"), false, false),
            (None, false, true),
            (None, true, false),
        ] {
            let bare = SpanContext::new(TraceId::new(1 << 64).unwrap(), SpanId::new(2));
            let bare = SpanContext { vendors: Some("a=1".into()), ..bare };
            let mut context = bare
                .clone()
                .with_priority(SamplingPriority::USER_KEEP)
                .with_mechanism(SamplingMechanism::MANUAL)
                .with_origin("rum")
                .with_tag("_dd.p.usr", "1");
            if let Some(marker) = marker {
                context = context.with_tag("_dd.p.opm", marker);
            }
            context.last_parent = Some("1".into());
            context.probability = Some("th:0".into());
            let expected = if accepted { context.clone() } else { bare };
            let config = Config::builder().environment(Environment::empty());
            let config = config.org_guard_trusted(["friend"]).org_guard_strict(strict);
            enforce(&mut context, &(&config.build()).into(), "own");
            assert_eq!(context, expected, "{marker:?} {strict}");
        }
    }
}
