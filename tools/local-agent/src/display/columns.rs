//! How wide each column is, and what stands in it.

use super::text::{escape, width};
use super::units::duration;
use crate::model::{Node, Span, Tree};

/// Between columns.
pub(super) const GAP: usize = 2;

/// Columns per level of the tree.
const LEVEL: usize = 3;

/// The least and the most columns of each kind.
const SERVICE: (usize, usize) = (4, 20);
const KIND: (usize, usize) = (0, 16);
const DURATION: (usize, usize) = (7, 12);
const BAR: (usize, usize) = (12, 40);

/// A name with less room, beside what is drawn of the tree, tells nothing.
const NAME: usize = 16;

/// The layout of one trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// The tree with names and resources.
    pub(super) label: usize,
    pub(super) service: usize,
    pub(super) kind: usize,
    pub(super) duration: usize,
    pub(super) bar: usize,
    /// How many levels are drawn; a deeper span stands at the last, and says its true level.
    pub(super) levels: usize,
}

impl Columns {
    /// Service, kind and duration take what they need, within reason; the bar about a quarter of all,
    /// less if the tree is deep; the label the rest, and gives what it does not need back to the bar.
    pub(super) fn of(tree: &Tree<'_>, columns: usize) -> Self {
        let widest = |measure: &dyn Fn(&Node<'_>) -> usize, (least, most): (usize, usize)| {
            tree.nodes.iter().map(measure).max().unwrap_or_default().clamp(least, most)
        };
        let service = widest(&|node| text_width(&node.span.service, SERVICE.1), SERVICE);
        let kind = widest(&|node| text_width(&kind(node.span), KIND.1), KIND);
        let duration = widest(&|node| width(&duration(node.span.duration_ns)), DURATION);
        let fixed = [service, gapped(kind), duration, GAP.saturating_mul(3)];
        let free = fixed.into_iter().fold(columns, usize::saturating_sub);

        let deepest = widest(&|node| node.depth, (0, columns)).saturating_mul(LEVEL);
        let quarter = columns.div_euclid(4).clamp(BAR.0, BAR.1);
        let wanted = widest(&|node| label_width(node, columns), (NAME, columns));
        let least = deepest.saturating_add(NAME).min(free.saturating_sub(BAR.0));
        let label = wanted.min(free.saturating_sub(quarter)).max(least);
        let bar = free.saturating_sub(label).min(BAR.1);
        let levels = label.saturating_sub(NAME).div_euclid(LEVEL);
        Self { label, service, kind, duration, bar, levels }
    }

    /// The level at which a span is drawn.
    pub(super) fn level(&self, depth: usize) -> usize {
        depth.min(self.levels)
    }

    /// What is left of the label's column for the text of a span at this depth.
    pub(super) fn label_at(&self, depth: usize) -> usize {
        let lines = self.level(depth).saturating_mul(LEVEL);
        self.label.saturating_sub(lines).saturating_sub(self.level_mark(depth).len())
    }

    /// The true level of a span too deep to be drawn there, or nothing.
    pub(super) fn level_mark(&self, depth: usize) -> String {
        if depth > self.levels { format!("({depth}) ") } else { String::new() }
    }
}

/// An empty column has no gap.
fn gapped(width: usize) -> usize {
    if width == 0 { 0 } else { width.saturating_add(GAP) }
}

/// What kind of work it is: its type, then its role.
pub(super) fn kind(span: &Span) -> String {
    let words = [&*span.span_type, span.kind().unwrap_or_default()];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// The resource, unless it only repeats the name.
pub(super) fn resource(span: &Span) -> &str {
    if span.resource == span.name { "" } else { &span.resource }
}

fn label_width(node: &Node<'_>, most: usize) -> usize {
    let name = text_width(&node.span.name, most);
    let resource = text_width(resource(node.span), most);
    let gap = usize::from(name > 0 && resource > 0);
    let lines = node.depth.saturating_mul(LEVEL);
    lines.saturating_add(name).saturating_add(gap).saturating_add(resource)
}

/// The escaped width; of a text with many more characters than columns only the first matter.
fn text_width(text: &str, most: usize) -> usize {
    let enough: String = text.chars().take(most.saturating_add(1).saturating_mul(4)).collect();
    width(&escape(&enough))
}
