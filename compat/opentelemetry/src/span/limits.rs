//! How much a span may hold. What is dropped is counted on the span.

use std::collections::HashSet;

use opentelemetry::{Key, KeyValue};
use tracehound::SpanRef;
use tracehound::bridge::SpanExt as _;
use tracehound::config::SpanLimits;

use crate::convert::entries::{AttributeLimits, DROPPED_ATTRIBUTES, shorten};

const DROPPED_EVENTS: &str = "otel.dropped_events_count";
const DROPPED_LINKS: &str = "otel.dropped_links_count";

/// The limits of one span.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    /// `None` for the default limits, by which attributes need not be counted.
    custom: Option<Box<Custom>>,
}

#[derive(Clone, Debug)]
struct Custom {
    limits: SpanLimits,
    /// The attributes that the span has, where they are counted.
    keys: HashSet<Key>,
}

impl Limits {
    /// `None` for the default ones.
    pub(crate) fn new(custom: Option<&SpanLimits>) -> Self {
        let boxed = |limits: &SpanLimits| Custom { limits: *limits, keys: HashSet::new() }.into();
        Limits { custom: custom.map(boxed) }
    }

    fn get(&self) -> &SpanLimits {
        self.custom.as_ref().map_or(&SpanLimits::DEFAULT, |custom| &custom.limits)
    }

    /// Whether attributes are limited at all: not by default.
    #[inline]
    pub(crate) fn are_custom(&self) -> bool {
        self.custom.is_some()
    }

    /// Whether the span may have an attribute, whose text is cut if it is too long; if not, it is counted.
    pub(crate) fn admits(&mut self, span: &SpanRef, attribute: &mut KeyValue) -> bool {
        let Some(Custom { limits, keys }) = self.custom.as_deref_mut() else { return true };
        let most = limits.max_attributes();
        if most != usize::MAX && !keys.contains(&attribute.key) {
            if !admits(span, keys.len(), most, DROPPED_ATTRIBUTES) {
                return false;
            }
            keys.insert(attribute.key.clone());
        }
        shorten(&mut attribute.value, limits.max_value_chars());
        true
    }

    /// Whether one more event may be added; if not, it is counted.
    pub(crate) fn admits_event(&self, span: &SpanRef) -> bool {
        admits(span, span.event_count(), self.get().max_events(), DROPPED_EVENTS)
    }

    /// Whether one more link may be added; if not, it is counted.
    pub(crate) fn admits_link(&self, span: &SpanRef) -> bool {
        admits(span, span.link_count(), self.get().max_links(), DROPPED_LINKS)
    }

    pub(crate) fn of_event(&self) -> AttributeLimits {
        let limits = self.get();
        AttributeLimits { count: limits.max_event_attributes(), chars: limits.max_value_chars() }
    }

    pub(crate) fn of_link(&self) -> AttributeLimits {
        let limits = self.get();
        AttributeLimits { count: limits.max_link_attributes(), chars: limits.max_value_chars() }
    }
}

fn admits(span: &SpanRef, there: usize, most: usize, dropped: &'static str) -> bool {
    if there >= most {
        span.set_metric(dropped, span.metric(dropped).unwrap_or_default() + 1.0);
    }
    there < most
}
