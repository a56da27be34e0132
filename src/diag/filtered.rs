//! How much the program's trace filters have dropped.

use std::fmt;

use crate::text::Text;

/// What the trace filters of a tracer have dropped, by filter. None of it counts as lost.
///
/// `Display` writes it in one line: `12 spans filtered: 7 DropResources, 5 KeepOneIn`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filtered {
    filters: Vec<DroppedByFilter>,
}

/// What one trace filter has dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DroppedByFilter {
    /// The name of the filter ([`TraceFilter::name`](crate::TraceFilter::name)); `name #2` for the second of that name.
    pub name: String,
    /// Traces, and parts of traces that are sent on their own.
    pub traces: u64,
    /// The spans of these.
    pub spans: u64,
}

impl Filtered {
    pub(super) fn add(&mut self, name: &Text, spans: u64) {
        let filter = match self.filters.iter_mut().position(|filter| *name == *filter.name) {
            Some(place) => self.filters.get_mut(place),
            None => {
                let name = name.as_str().to_owned();
                self.filters.push(DroppedByFilter { name, traces: 0, spans: 0 });
                self.filters.last_mut()
            }
        };
        if let Some(filter) = filter {
            filter.traces = filter.traces.saturating_add(1);
            filter.spans = filter.spans.saturating_add(spans);
        }
    }

    /// Each filter that has dropped something, in the order in which they first did.
    #[must_use]
    pub fn by_filter(&self) -> &[DroppedByFilter] {
        &self.filters
    }

    /// All dropped traces, and parts of traces that are sent on their own.
    #[must_use]
    pub fn traces(&self) -> u64 {
        self.filters.iter().map(|filter| filter.traces).sum()
    }

    /// All dropped spans.
    #[must_use]
    pub fn spans(&self) -> u64 {
        self.filters.iter().map(|filter| filter.spans).sum()
    }
}

impl fmt::Display for Filtered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} spans filtered", self.spans())?;
        for (number, filter) in self.filters.iter().enumerate() {
            let before = if number == 0 { ": " } else { ", " };
            write!(f, "{before}{} {}", filter.spans, filter.name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_told_apart_by_filter() {
        let mut filtered = Filtered::default();
        assert_eq!(filtered.to_string(), "0 spans filtered");
        for (name, spans) in [("a", 3), ("b", 1), ("a", 4)] {
            filtered.add(&name.into(), spans);
        }
        assert_eq!((filtered.traces(), filtered.spans()), (3, 8));
        assert_eq!(filtered.to_string(), "8 spans filtered: 7 a, 1 b");
    }
}
