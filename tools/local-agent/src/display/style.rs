//! How a trace is drawn.

/// How a trace is drawn.
///
/// The default is 100 columns without colour, and the spans without their details.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether to colour. Default: false.
    pub color: bool,
    /// The columns to fill, at least 80. Default: 100.
    pub width: usize,
    /// Whether to list the tags of each span. Default: false.
    pub tags: bool,
    /// Whether to list the links of each span. Default: false.
    pub links: bool,
    /// Whether to list the events of each span. Default: false.
    pub events: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { color: false, width: 100, tags: false, links: false, events: false }
    }
}

impl Style {
    /// The default with everything there is to a span.
    pub fn detailed() -> Self {
        Self { tags: true, links: true, events: true, ..Self::default() }
    }

    /// The width that is used: below 80 columns there is no room for a tree and a bar.
    pub(super) fn columns(&self) -> usize {
        self.width.clamp(80, 1000)
    }
}
