//! The links of a span.

use std::collections::HashMap;

use crate::id::{SpanId, TraceId};
use crate::trace::values::SpanLink;

/// Links, one to each span. Adding one takes as long however many there are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    all: Vec<SpanLink>,
    /// Where each is, once there are too many to walk over.
    places: HashMap<(TraceId, SpanId), usize>,
}

/// Links from which on a table is faster than a walk.
const LONG: usize = 16;

impl Links {
    pub(crate) fn all(&self) -> &[SpanLink] {
        &self.all
    }

    /// The link to the same span.
    pub(crate) fn find(&self, link: &SpanLink) -> Option<&SpanLink> {
        self.all.get(self.place(link)?)
    }

    fn place(&self, link: &SpanLink) -> Option<usize> {
        if self.all.len() < LONG {
            return self.all.iter().position(|old| target(old) == target(link));
        }
        self.places.get(&target(link)).copied()
    }

    /// Adds a link; one to the same span is replaced.
    pub(crate) fn add(&mut self, link: SpanLink) {
        if let Some(old) = self.place(&link).and_then(|place| self.all.get_mut(place)) {
            *old = link;
            return;
        }
        let first = if self.all.len().saturating_add(1) == LONG { 0 } else { self.all.len() };
        self.all.push(link);
        if self.all.len() >= LONG {
            let new = self.all.iter().enumerate().skip(first);
            self.places.extend(new.map(|(place, link)| (target(link), place)));
        }
    }
}

fn target(link: &SpanLink) -> (TraceId, SpanId) {
    (link.trace_id, link.span_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_later_link_to_the_same_span_takes_the_place_of_the_first(
            targets in prop::collection::vec((1..4u128, 1..30u64), 0..200),
        ) {
            let mut links = Links::default();
            let mut model: Vec<((u128, u64), usize)> = Vec::new();
            for (number, (trace, span)) in targets.into_iter().enumerate() {
                let to = SpanLink::new(TraceId::new(trace).unwrap(), SpanId::new(span).unwrap());
                links.add(to.clone().attribute("n", number.to_string()));
                prop_assert!(links.find(&to).is_some());
                match model.iter_mut().find(|(target, _)| *target == (trace, span)) {
                    Some((_, last)) => *last = number,
                    None => model.push(((trace, span), number)),
                }
            }
            let seen: Vec<_> = links
                .all()
                .iter()
                .map(|link| {
                    let (trace, span) = (link.trace_id.get(), link.span_id.get());
                    ((trace, span), link.attributes[0].1.parse::<usize>().unwrap())
                })
                .collect();
            prop_assert_eq!(seen, model);
        }
    }
}
