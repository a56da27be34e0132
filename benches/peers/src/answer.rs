//! What a peer or its agent tells.

use crate::Result;

/// One line of `name=value`.
#[derive(Clone, Debug)]
pub(crate) struct Answer(pub(crate) String);

impl Answer {
    pub(crate) fn get(&self, name: &str) -> Result<f64> {
        let mut pairs = self.0.split_whitespace().filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs
            .find(|(key, _)| *key == name)
            .ok_or_else(|| format!("no {name} in the answer {:?}", self.0))?;
        Ok(value.parse()?)
    }
}
