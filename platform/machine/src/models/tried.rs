//! How far the interleavings are tried.

use loom::model::Builder;

/// Tries all interleavings in which threads lose the processor at most so often where they need not.
pub(super) fn every_interleaving(most: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(most);
    builder.max_branches = 20_000;
    builder.check(model);
}
