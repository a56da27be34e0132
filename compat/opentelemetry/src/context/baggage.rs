//! The baggage of both APIs as one.
//!
//! OpenTelemetry keeps baggage in the context, the core with the span. Where a context of OpenTelemetry has
//! any, it counts, so that an item that was removed there does not come back from the span. Over it counts
//! what has been changed on the span itself since it was put into the context: a merge whose base is the baggage of
//! the context at that moment. The `registry` keeps it with the span.

use std::collections::BTreeSet;
use std::ptr;
use std::sync::Arc;

use opentelemetry::baggage::{Baggage as OtelBaggage, BaggageExt as _};
use opentelemetry::{Context as OtelContext, KeyValue};
use tracehound::{ActiveContext, Baggage};
use tracehound_fork::WriteOnce;

/// The baggage of a context of OpenTelemetry; `None` where there is none, which is not the same as an empty
/// one.
fn of(context: &OtelContext) -> Option<&OtelBaggage> {
    // Without any, it is one that all contexts share, and that never moves.
    static NONE: WriteOnce<usize> = WriteOnce::new();
    let none = *NONE.get_or_make(|| ptr::from_ref(OtelContext::new().baggage()).addr());
    Some(context.baggage()).filter(|baggage| ptr::from_ref(*baggage).addr() != none)
}

/// The base of later merges for a span that becomes active below `native`: the baggage of OpenTelemetry's context.
pub(crate) fn base(context: &OtelContext, native: &ActiveContext) -> Option<Arc<Baggage>> {
    base_of(of(context)?, native)
}

fn base_of(theirs: &OtelBaggage, native: &ActiveContext) -> Option<Arc<Baggage>> {
    let ours = native.baggage();
    if is_same(theirs, ours.as_deref()) { ours } else { Some(Arc::new(to_native(theirs))) }
}

/// Gives the native context the baggage of both; `base` becomes the base for a span that starts below it.
#[inline]
pub(crate) fn merge_into(
    native: &mut ActiveContext,
    context: &OtelContext,
    base: &mut Option<Arc<Baggage>>,
) {
    match of(context) {
        Some(theirs) => merge_into_of(theirs, native, base),
        None => *base = None,
    }
}

#[cold]
fn merge_into_of(
    theirs: &OtelBaggage,
    native: &mut ActiveContext,
    base: &mut Option<Arc<Baggage>>,
) {
    let ours = native.baggage();
    if !is_same(theirs, ours.as_deref()) {
        let nothing = Baggage::new();
        let (ours, base) = (ours.as_deref().unwrap_or(&nothing), base.as_deref());
        let merged = merge(theirs, ours, base.unwrap_or(&nothing));
        if merged != *ours {
            *native = std::mem::take(native).with_baggage(merged);
        }
    }
    *base = base_of(theirs, native);
}

/// A context of OpenTelemetry with the baggage of what is made active in it; `None` where it has that
/// already.
pub(crate) fn into_otel(context: &OtelContext, native: &ActiveContext) -> Option<OtelContext> {
    let ours = native.baggage();
    match (of(context), ours.as_deref()) {
        (None, None) => None,
        (Some(theirs), ours) if is_same(theirs, ours) => None,
        (_, None) => Some(context.with_cleared_baggage()),
        (_, Some(ours)) => {
            let item =
                |(name, value): (&str, &str)| KeyValue::new(name.to_owned(), value.to_owned());
            Some(context.with_baggage(ours.iter().map(item)))
        }
    }
}

/// A native context that is to leave OpenTelemetry's baggage as it is, having none itself.
pub(crate) fn keeping(context: &OtelContext, native: ActiveContext) -> ActiveContext {
    match of(context).filter(|_| native.baggage().is_none()) {
        Some(theirs) => native.with_baggage(to_native(theirs)),
        None => native,
    }
}

/// A three-way merge of items: what both have come to since `base`. Where both have changed an item, OpenTelemetry's
/// counts.
fn merge(theirs: &OtelBaggage, ours: &Baggage, base: &Baggage) -> Baggage {
    // In the order of ours; OpenTelemetry's has none of its own.
    let known = ours.iter().map(|(name, _)| name);
    let further: BTreeSet<_> = theirs
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| ours.get(name).is_none())
        .collect();
    let mut merged = Baggage::new();
    for name in known.chain(further) {
        let (before, theirs) = (base.get(name), theirs.get(name).map(|value| value.as_str()));
        let now = if theirs == before { ours.get(name) } else { theirs };
        if let Some(value) = now {
            merged.set(name.to_owned(), value.to_owned());
        }
    }
    merged
}

fn is_same(theirs: &OtelBaggage, ours: Option<&Baggage>) -> bool {
    let Some(ours) = ours else { return theirs.is_empty() };
    theirs.len() == ours.len()
        && ours
            .iter()
            .all(|(name, value)| theirs.get(name).is_some_and(|theirs| theirs.as_str() == value))
}

fn to_native(theirs: &OtelBaggage) -> Baggage {
    merge(theirs, &Baggage::new(), &Baggage::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn native(items: &str) -> Baggage {
        items.chars().map(|item| (item.to_lowercase().to_string(), item.to_string())).collect()
    }

    fn otel(items: &str) -> OtelBaggage {
        native(items)
            .iter()
            .map(|(name, value)| KeyValue::new(name.to_owned(), value.to_owned()))
            .collect()
    }

    /// An item is a letter: `a` and `A` are two values of one.
    #[test]
    fn both_sides_changes_count_and_opentelemetrys_first() {
        for (base, theirs, ours, merged) in [
            // Nobody has changed anything.
            ("ab", "ab", "ab", "ab"),
            // One side has.
            ("ab", "b", "ab", "b"),
            ("ab", "ab", "b", "b"),
            ("a", "ab", "a", "ab"),
            ("a", "a", "ab", "ab"),
            ("a", "A", "a", "A"),
            ("a", "a", "A", "A"),
            // Both have.
            ("ab", "b", "abc", "bc"),
            ("ab", "ba", "bc", "bc"),
            ("", "xa", "b", "bax"),
            ("a", "", "A", ""),
            ("a", "A", "", "A"),
            ("", "A", "a", "A"),
        ] {
            let done = merge(&otel(theirs), &native(ours), &native(base));
            assert_eq!(done, native(merged), "{base:?} -> {theirs:?} and {ours:?}");
        }
    }

    #[test]
    fn an_empty_baggage_is_not_no_baggage() {
        assert!(of(&OtelContext::new()).is_none());
        assert!(of(&OtelContext::new().with_cleared_baggage()).is_some());
    }
}
