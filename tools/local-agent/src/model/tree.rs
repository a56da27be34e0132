//! Spans in reading order, with their depths.

use std::collections::{HashMap, HashSet};

use super::Span;

/// Spans depth first, siblings by start; every span is in it exactly once, whatever their parents
/// claim.
#[derive(Clone, Debug)]
pub struct Tree<'a> {
    /// Parents before their children.
    pub nodes: Vec<Node<'a>>,
}

/// A span and its place.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// What stands here.
    pub span: &'a Span,
    /// 0 for roots.
    pub depth: usize,
    /// Whether no sibling follows.
    pub is_last: bool,
    /// What is known of its parent.
    pub parent: Parent,
}

/// What is known of a span's parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// It has none: the root of the trace.
    None,
    /// It is in the tree.
    Present,
    /// It did not arrive (yet); the span is drawn as a root.
    Missing,
    /// It descends from the span itself; the span is drawn as a root.
    Circular,
}

impl<'a> Tree<'a> {
    pub(super) fn new(spans: impl Iterator<Item = &'a Span>) -> Self {
        let mut spans: Vec<&Span> = spans.collect();
        // Stable, so that what starts together stays in the order of arrival.
        spans.sort_by_key(|span| span.start_ns);
        let numbered = || spans.iter().copied().enumerate();
        let named = numbered().filter(|(_, span)| span.span_id != 0);
        let by_id: HashMap<u64, usize> =
            named.map(|(number, span)| (span.span_id, number)).collect();
        let mut roots = Vec::new();
        let mut children = HashMap::<usize, Vec<_>>::new();
        for (number, span) in numbered() {
            let siblings = match (span.parent_id, by_id.get(&span.parent_id)) {
                (0, _) | (_, None) => &mut roots,
                (_, Some(parent)) => children.entry(*parent).or_default(),
            };
            siblings.push((number, span));
        }
        let mut nodes = Vec::with_capacity(spans.len());
        let mut placed = HashSet::new();
        let mut todo = Vec::new();
        push_reversed(&mut todo, roots, 0);
        // Spans of a cycle hang under no root: after the roots, each unplaced span becomes one.
        let mut rest = numbered();
        loop {
            while let Some((number, span, depth, is_last)) = todo.pop() {
                if !placed.insert(number) {
                    continue;
                }
                let parent = match depth {
                    0 if span.parent_id == 0 => Parent::None,
                    0 if by_id.contains_key(&span.parent_id) => Parent::Circular,
                    0 => Parent::Missing,
                    _ => Parent::Present,
                };
                nodes.push(Node { span, depth, is_last, parent });
                let mut below = children.remove(&number).unwrap_or_default();
                below.retain(|(number, _)| !placed.contains(number));
                push_reversed(&mut todo, below, depth + 1);
            }
            match rest.find(|(number, _)| !placed.contains(number)) {
                Some((number, span)) => todo.push((number, span, 0, true)),
                None => return Self { nodes },
            }
        }
    }
}

/// The stack gives back the last first, and the last sibling is the one that is drawn differently.
fn push_reversed<'a>(
    todo: &mut Vec<(usize, &'a Span, usize, bool)>,
    siblings: Vec<(usize, &'a Span)>,
    depth: usize,
) {
    let last_first = siblings.into_iter().rev().enumerate();
    todo.extend(last_first.map(|(nth, (number, span))| (number, span, depth, nth == 0)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(span_id: u64, parent_id: u64, start_ns: i64) -> Span {
        Span { span_id, parent_id, start_ns, ..Span::default() }
    }

    fn outline(spans: &[Span]) -> String {
        let tree = Tree::new(spans.iter());
        let lines = tree.nodes.iter().map(|node| {
            let last = if node.is_last { "'" } else { "" };
            format!("{}{}{last} {:?}", "  ".repeat(node.depth), node.span.span_id, node.parent)
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn siblings_are_ordered_by_start_and_follow_their_parent() {
        let spans = [span(4, 2, 9), span(3, 1, 5), span(2, 1, 3), span(1, 0, 1), span(5, 2, 4)];
        assert_eq!(
            outline(&spans),
            "1' None\n  2 Present\n    5 Present\n    4' Present\n  3' Present"
        );
    }

    #[test]
    fn spans_whose_parent_did_not_arrive_are_roots_that_say_so() {
        assert_eq!(outline(&[span(1, 0, 1), span(2, 9, 2)]), "1 None\n2' Missing");
    }

    #[test]
    fn a_cycle_is_broken_at_its_earliest_span() {
        let spans = [span(1, 2, 5), span(2, 1, 3), span(3, 3, 9)];
        assert_eq!(outline(&spans), "2' Circular\n  1' Present\n3' Circular");
    }

    #[test]
    fn spans_without_an_id_are_nobody_s_parent() {
        assert_eq!(
            outline(&[span(0, 0, 1), span(0, 0, 2)]),
            "1 None\n2' None".replace(['1', '2'], "0")
        );
    }

    proptest! {
        #[test]
        fn every_span_is_placed_once(ids in proptest::collection::vec((0u64..8, 0u64..8, 0i64..4), 0..20)) {
            let spans: Vec<Span> =
                ids.into_iter().map(|(id, parent, start)| span(id, parent, start)).collect();
            let tree = Tree::new(spans.iter());
            prop_assert_eq!(tree.nodes.len(), spans.len());
            let mut depth = 0;
            for node in &tree.nodes {
                prop_assert!(node.depth <= depth, "a child follows its parent");
                depth = node.depth + 1;
            }
        }
    }
}
