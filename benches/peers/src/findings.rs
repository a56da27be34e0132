//! What was found, for the bars.

use std::collections::HashMap;

/// Values by measure and peer.
#[derive(Debug, Default)]
pub(crate) struct Findings(HashMap<(&'static str, &'static str), f64>);

impl Findings {
    pub(crate) fn insert(&mut self, measure: &'static str, peer: &'static str, value: f64) {
        self.0.insert((measure, peer), value);
    }

    pub(crate) fn get(&self, measure: &'static str, peer: &'static str) -> Option<f64> {
        self.0.get(&(measure, peer)).copied()
    }
}
