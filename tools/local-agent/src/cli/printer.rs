//! Reports to two streams: traces to one, complaints to the other.

use std::collections::HashSet;
use std::io::{self, Write};

use tracehound_local_agent::display::{render, render_finding};
use tracehound_local_agent::model::Rule;
use tracehound_local_agent::store::{Counts, Report};
use tracehound_local_agent::{Finding, Style};

/// Complaints remembered, so that each is made once; from here on only rules are.
const REMEMBERED: usize = 1000;

/// Prints reports.
pub(super) struct Printer<T, C> {
    traces: T,
    complaints: C,
    style: Style,
    complaint_style: Style,
    made: HashSet<(Rule, String)>,
    repeated: usize,
}

impl<T: Write, C: Write> Printer<T, C> {
    pub(super) fn new(traces: T, style: Style, complaints: C, complaint_style: Style) -> Self {
        Self { traces, complaints, style, complaint_style, made: HashSet::new(), repeated: 0 }
    }

    /// Prints a trace, or a finding that was not printed before about another span.
    ///
    /// # Errors
    ///
    /// When traces cannot be written; that complaints cannot is nobody's concern.
    pub(super) fn print(&mut self, report: &Report) -> io::Result<()> {
        match report {
            Report::Trace { trace, again } => {
                let drawn = render(trace, &self.style);
                let note = if *again { "More has arrived of this trace:\n" } else { "" };
                // One write, so that other programs' lines do not come between.
                self.traces.write_all(format!("{note}{drawn}\n").as_bytes())?;
                self.traces.flush()
            }
            Report::Finding(finding) => {
                self.complain(finding);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The totals, and what was lost.
    pub(super) fn finish(&mut self, counts: &Counts) {
        self.say(&format!("Spans received: {}, in chunks: {}\n", counts.spans, counts.chunks));
        for (text, count) in [
            (
                "Chunks with priority -1 or below, which an agent drops (a rule, the rate limit, by hand)",
                counts.dropped_by_user,
            ),
            ("Chunks with priority 0, which an agent drops (its rates)", counts.dropped_by_rates),
            ("Chunks without a sampling priority, which an agent keeps", counts.undecided),
            ("Requests refused", counts.refused),
            ("Findings not printed, as they repeat one above", self.repeated),
            (
                "Traces that made room for later ones before they were printed",
                counts.evicted_unseen,
            ),
            ("Spans dropped, as their traces were too large", counts.dropped_spans),
        ] {
            if count > 0 {
                self.say(&format!("{text}: {count}\n"));
            }
        }
    }

    /// Prints a line for the user, not about a trace.
    pub(super) fn say(&mut self, text: &str) {
        let _ = self.complaints.write_all(text.as_bytes());
        let _ = self.complaints.flush();
    }

    fn complain(&mut self, finding: &Finding) {
        let text =
            if self.made.len() < REMEMBERED { finding.detail.clone() } else { String::new() };
        if self.made.insert((finding.rule, text)) {
            self.say(&render_finding(finding, &self.complaint_style));
        } else {
            self.repeated += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use tracehound_local_agent::Trace;

    use super::*;

    #[test]
    fn traces_and_complaints_have_their_own_streams_and_complaints_come_once() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut printer = Printer::new(&mut out, Style::default(), &mut err, Style::default());
        printer.print(&Report::Trace { trace: Trace::default(), again: true }).unwrap();
        for _ in 0..3 {
            printer.print(&Report::Finding(Finding::new(Rule::ZeroId, "zero"))).unwrap();
        }
        let counts = Counts { spans: 2, chunks: 1, refused: 1, ..Counts::default() };
        printer.finish(&Counts { dropped_by_user: 1, ..counts });
        let out = String::from_utf8(out).unwrap();
        assert!(out.starts_with("More has arrived of this trace:\n00000000"), "{out}");
        assert_eq!(
            String::from_utf8(err).unwrap(),
            "error: zero\nSpans received: 2, in chunks: 1\n\
             Chunks with priority -1 or below, which an agent drops (a rule, the rate limit, by \
             hand): 1\nRequests refused: 1\n\
             Findings not printed, as they repeat one above: 2\n"
        );
    }

    #[test]
    fn memory_for_complaints_ends() {
        let mut printer = Printer::new(io::sink(), Style::default(), io::sink(), Style::default());
        for nth in 0..REMEMBERED + 10 {
            printer.complain(&Finding::new(Rule::ZeroId, nth.to_string()));
        }
        assert_eq!(printer.made.len(), REMEMBERED + 1);
    }
}
