//! Tables in Markdown.

use crate::peers::{BASE, Peer};

/// A table with a column for each peer.
pub(crate) struct Table {
    peers: Vec<Peer>,
    text: String,
}

impl Table {
    pub(crate) fn new(title: &str, note: &str, peers: &[Peer]) -> Table {
        let names: Vec<_> = peers.iter().map(|peer| peer.name).collect();
        let text = format!(
            "\n## {title}\n\n{note}\n\n| | {} |\n| --- |{}\n",
            names.join(" | "),
            " ---: |".repeat(peers.len())
        );
        Table { peers: peers.to_vec(), text }
    }

    /// A row of values in the order of the peers, each followed by its ratio to [`BASE`].
    pub(crate) fn row(&mut self, name: &str, decimals: usize, values: &[Option<f64>]) {
        let base = self.base(values);
        let cells: Vec<_> = values
            .iter()
            .map(|value| match (value, base) {
                (None, _) => "n/a".to_owned(),
                (Some(value), Some(base)) if base > 0.0 => {
                    format!("{} ({:.2})", number(*value, decimals), value / base)
                }
                (Some(value), _) => number(*value, decimals),
            })
            .collect();
        self.text += &format!("| {name} | {} |\n", cells.join(" | "));
    }

    fn base(&self, values: &[Option<f64>]) -> Option<f64> {
        let at = self.peers.iter().position(|peer| peer.name == BASE)?;
        values.get(at).copied().flatten()
    }

    pub(crate) fn text(self) -> String {
        self.text
    }
}

/// With thousands apart.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (index, digit) in whole.char_indices() {
        if index > 0 && (whole.len() - index) % 3 == 0 && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}
