//! Tables in Markdown.

use crate::findings::Findings;
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
    pub(crate) fn ratios(&mut self, name: &str, decimals: usize, values: &[Option<f64>]) {
        let at = self.peers.iter().position(|peer| peer.name == BASE);
        let base = at.and_then(|at| values.get(at).copied().flatten());
        self.cells(name, values, |value| match base.filter(|base| *base > 0.0) {
            Some(base) => format!("{} ({:.2})", number(value, decimals), value / base),
            None => number(value, decimals),
        });
    }

    /// A row of values in the order of the peers.
    pub(crate) fn row(&mut self, name: &str, decimals: usize, values: &[Option<f64>]) {
        self.cells(name, values, |value| number(value, decimals));
    }

    fn cells(&mut self, name: &str, values: &[Option<f64>], cell: impl Fn(f64) -> String) {
        let cells = values.iter().map(|value| value.map_or_else(|| "n/a".to_owned(), &cell));
        self.text += &format!("| {name} | {} |\n", cells.collect::<Vec<_>>().join(" | "));
    }

    /// Remembers the values of a row for the bars.
    pub(crate) fn record(
        &self,
        findings: &mut Findings,
        measure: &'static str,
        values: &[Option<f64>],
    ) {
        for (peer, value) in self.peers.iter().zip(values) {
            if let Some(value) = value {
                findings.insert(measure, peer.name, *value);
            }
        }
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
