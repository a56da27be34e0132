//! The guard that keeps another organisation's decisions out of our traces.

use super::settings::OrgGuard;
use super::tags::{ORG_MARKER, strip};
use crate::trace::{SpanContext, TagOrder};

/// Strips a context that comes from neither the own organisation nor a trusted one.
///
/// What is left is what links the traces: ids, baggage and the members of other vendors.
pub(super) fn enforce(context: &mut SpanContext, guard: &OrgGuard, own: &str) {
    let inbound =
        context.tags.iter().find(|(name, _)| strip(name.as_bytes()) == Some(ORG_MARKER.as_bytes()));
    let is_accepted = match inbound {
        Some((_, marker)) => *marker == *own || guard.trusted.contains(marker),
        None => !guard.strict,
    };
    if is_accepted {
        return;
    }
    context.priority = None;
    context.mechanism = None;
    context.origin = None;
    context.tags = Vec::new();
    context.tag_order = TagOrder::default();
    context.last_parent = None;
    context.probability = None;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{SpanId, TraceId};
    use crate::trace::{Mechanism, Priority};

    #[test]
    fn only_known_organisations_are_followed() {
        let guard = |strict| OrgGuard { enabled: true, trusted: vec!["friend".into()], strict };
        for (marker, strict, accepted) in [
            (Some("own"), false, true),
            (Some("own"), true, true),
            (Some("friend"), true, true),
            (Some("foe"), false, false),
            (Some("Own"), false, false),
            (None, false, true),
            (None, true, false),
        ] {
            let mut context = SpanContext::new(TraceId::new(1 << 64).unwrap(), SpanId::new(2))
                .with_priority(Priority::USER_KEEP)
                .with_mechanism(Mechanism::MANUAL)
                .with_origin("rum")
                .with_tag("_dd.p.usr", "1");
            if let Some(marker) = marker {
                context = context.with_tag("_dd.p.opm", marker);
            }
            context.last_parent = Some("1".into());
            context.probability = Some("th:0".into());
            context.vendors = Some("a=1".into());
            let before = context.clone();
            enforce(&mut context, &guard(strict), "own");
            if accepted {
                assert_eq!(context, before);
            } else {
                let mut stripped = SpanContext::new(TraceId::new(1 << 64).unwrap(), SpanId::new(2));
                stripped.vendors = before.vendors;
                assert_eq!(context, stripped, "{marker:?} {strict}");
            }
        }
    }
}
