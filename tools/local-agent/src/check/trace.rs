//! What only shows once everything has arrived (trace-payload §3, §11).

use std::collections::HashSet;

use crate::model::{Finding, Rule, Trace};

/// Finds chunks of which several spans have a parent that never came. One is normal: the caller in a
/// process that reports elsewhere. A partial flush has several at first, until its parents follow.
pub fn trace(trace: &Trace) -> Vec<Finding> {
    let known: HashSet<u64> = trace.spans().map(|span| span.span_id).collect();
    let missing = trace.chunks.iter().map(|chunk| {
        let parents = chunk.iter().filter(|span| span.parent_id != 0);
        parents.filter(|span| !known.contains(&span.parent_id)).count()
    });
    missing
        .filter(|count| *count > 1)
        .map(|count| {
            let text = format!("a chunk has {count} spans whose parents did not arrive");
            Finding::new(Rule::MissingParents, text).in_trace(trace.id)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::Span;

    fn chunk(ids: &[(u64, u64)]) -> Vec<Arc<Span>> {
        let span = |(span_id, parent_id)| Span { span_id, parent_id, ..Span::default() };
        ids.iter().map(|ids| Arc::new(span(*ids))).collect()
    }

    #[test]
    fn several_missing_parents_in_a_chunk_are_reported_until_they_arrive() {
        let mut partial = Trace { chunks: vec![chunk(&[(2, 1), (3, 1)])], ..Trace::default() };
        assert_eq!(trace(&partial).len(), 1);
        partial.chunks.push(chunk(&[(1, 0)]));
        assert_eq!(trace(&partial), []);
    }

    #[test]
    fn one_remote_parent_is_normal() {
        let chunks = vec![chunk(&[(2, 1), (3, 2)])];
        assert_eq!(trace(&Trace { chunks, ..Trace::default() }), []);
    }
}
