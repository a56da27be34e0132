//! A trace as a tree with a time axis.

use super::Style;
use super::bar::Axis;
use super::columns::{Columns, GAP, kind, resource};
use super::details::details;
use super::outcome::{Outcomes, summary};
use super::paint::Paint;
use super::text::{column, escape, fit, width};
use super::units::{duration, moment};
use crate::model::{Finding, Node, Parent, Severity, Span, Trace};

/// Draws a trace: a line that sums it up, then each span with its share of the time, below it its
/// error and what the style asks for. What an agent would drop has dashed bars, and is said to be dropped in the first
/// line and at the first span of each chunk. Ends with a line break; no line is wider than the style says.
pub fn render(trace: &Trace, style: &Style) -> String {
    let tree = trace.tree();
    let columns = Columns::of(&tree, style.columns());
    let axis =
        Axis { start_ns: trace.start_ns(), duration_ns: trace.duration_ns(), columns: columns.bar };
    let outcomes = Outcomes::of(trace);
    let mut page = Page { style, columns, axis, outcomes, out: String::new() };
    page.heading(trace);

    // For each level drawn: whether its line goes on below.
    let mut open = Vec::new();
    let mut nodes = tree.nodes.iter().peekable();
    while let Some(node) = nodes.next() {
        open.truncate(columns.level(node.depth));
        let has_children = nodes.peek().is_some_and(|next| next.depth > node.depth);
        page.span(node, &open);
        open.push(!node.is_last && node.depth > 0);
        page.below(node, &open, has_children);
    }
    if trace.dropped_spans > 0 {
        page.note("", &format!("{} more spans were not kept", trace.dropped_spans));
    }
    page.out
}

/// Draws a finding as one line, escaped and with a line break.
pub fn render_finding(finding: &Finding, style: &Style) -> String {
    let paint = match finding.rule.severity() {
        Severity::Warning => Paint::Warning,
        Severity::Error => Paint::Error,
    };
    format!("{}\n", paint.on(&escape(&finding.to_string()), style.color))
}

struct Page<'a> {
    style: &'a Style,
    columns: Columns,
    axis: Axis,
    outcomes: Outcomes,
    out: String,
}

impl Page<'_> {
    fn write(&mut self, paint: Paint, text: &str) {
        if !text.is_empty() {
            self.out.push_str(&paint.on(text, self.style.color));
        }
    }

    fn spaces(&mut self, count: usize) {
        self.out.extend(std::iter::repeat_n(' ', count));
    }

    fn end_line(&mut self) {
        let end = self.out.trim_end_matches(' ').len();
        self.out.truncate(end);
        self.out.push('\n');
    }

    fn heading(&mut self, trace: &Trace) {
        let facts = format!(
            " · {} · {} · {}",
            duration(trace.duration_ns()),
            plural(trace.span_count(), "span"),
            plural(trace.services().len(), "service")
        );
        let failed = match trace.error_count() {
            0 => String::new(),
            errors => format!(" · {}", plural(errors, "error")),
        };
        let dropped = summary(trace).map(|text| format!(" · {text}")).unwrap_or_default();
        let time = moment(trace.start_ns());
        let mut free = self.style.columns();
        for (paint, text) in [
            (Paint::Bold, format!("{:032x}", trace.id)),
            (Paint::Plain, facts),
            (Paint::Error, failed),
            (Paint::Warning, dropped),
        ] {
            let text = fit(&text, free);
            free = free.saturating_sub(width(&text));
            self.write(paint, &text);
        }
        if let Some(space) = free.checked_sub(width(&time)).filter(|space| *space >= GAP) {
            self.spaces(space);
            self.write(Paint::Dim, &time);
        }
        self.end_line();
    }

    fn span(&mut self, node: &Node<'_>, open: &[bool]) {
        let (span, columns) = (node.span, self.columns);
        let paint = if span.is_error() { Paint::Error } else { Paint::service(&span.service) };

        self.connectors(open, node);
        self.label(span, columns.label_at(node.depth));
        self.spaces(GAP);
        self.write(Paint::service(&span.service), &column(&span.service, columns.service));
        self.spaces(GAP);
        if columns.kind > 0 {
            self.write(Paint::Dim, &column(&kind(span), columns.kind));
            self.spaces(GAP);
        }
        let time = duration(span.duration_ns);
        self.spaces(columns.duration.saturating_sub(width(&time)));
        self.write(Paint::Plain, &fit(&time, columns.duration));
        self.spaces(GAP);
        let is_dropped = self.outcomes.get(span).is_dropped;
        self.write(paint, &self.axis.bar(span.start_ns, span.end_ns(), is_dropped));
        self.end_line();
    }

    fn connectors(&mut self, open: &[bool], node: &Node<'_>) {
        let mut lines = String::new();
        if self.columns.level(node.depth) > 0 {
            lines = rails(open);
            lines.push_str(if node.is_last { "└─ " } else { "├─ " });
        }
        lines.push_str(&self.columns.level_mark(node.depth));
        self.write(Paint::Dim, &lines);
    }

    fn label(&mut self, span: &Span, columns: usize) {
        let name = fit(&span.name, columns);
        let mut left = columns.saturating_sub(width(&name));
        let paint = if span.is_error() { Paint::ErrorBold } else { Paint::Bold };
        self.write(paint, &name);
        if !name.is_empty() && left > 0 {
            self.spaces(1);
            left = left.saturating_sub(1);
        }
        self.write(Paint::Plain, &column(resource(span), left));
    }

    /// What is said about a span under its line.
    fn below(&mut self, node: &Node<'_>, open: &[bool], has_children: bool) {
        let mut prefix = rails(open);
        let goes_on = has_children && node.depth < self.columns.levels;
        prefix.push_str(if goes_on { "│  " } else { "   " });
        let room = self.style.columns().saturating_sub(width(&prefix));
        for (paint, line) in details(node.span, self.style, room) {
            self.write(Paint::Dim, &prefix);
            self.write(paint, &line);
            self.end_line();
        }
        if let Some(note) = self.outcomes.get(node.span).note(node.span) {
            self.note(&prefix, &note);
        }
        let problem = match node.parent {
            Parent::None | Parent::Present => return,
            Parent::Missing => "did not arrive",
            Parent::Circular => "is below itself",
        };
        self.note(&prefix, &format!("parent {:016x} {problem}", node.span.parent_id));
    }

    fn note(&mut self, prefix: &str, text: &str) {
        let room = self.style.columns().saturating_sub(width(prefix));
        self.write(Paint::Dim, &format!("{prefix}{}", fit(&format!("({text})"), room)));
        self.end_line();
    }
}

/// The lines that pass by on the left; the first level, of roots, has none.
fn rails(open: &[bool]) -> String {
    open.iter().skip(1).map(|open| if *open { "│  " } else { "   " }).collect()
}

fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{Event, Link, Rule};

    const MS: i64 = 1_000_000;
    const START: i64 = 1_700_000_000_000_000_000;

    fn span(ids: (u64, u64), names: [&str; 4], kind: &str, ms: (i64, i64)) -> Span {
        let mut span = Span {
            trace_id: 0x640c_fd8d_0000_0000_abcd_ef01_2345_6789,
            span_id: ids.0,
            parent_id: ids.1,
            service: names[0].into(),
            name: names[1].into(),
            resource: names[2].into(),
            span_type: names[3].into(),
            start_ns: START + ms.0 * MS / 10,
            duration_ns: ms.1 * MS / 10,
            ..Span::default()
        };
        if !kind.is_empty() {
            span.meta.insert("span.kind".into(), kind.into());
        }
        span
    }

    fn trace(mut spans: Vec<Span>) -> Trace {
        if let Some(first) = spans.first_mut() {
            first.metrics.entry("_sampling_priority_v1".into()).or_insert(1.0);
        }
        let id = spans.first().map_or(0, |span| span.trace_id);
        let chunks = vec![spans.into_iter().map(Arc::new).collect()];
        Trace { id, chunks, dropped_spans: 0 }
    }

    fn shop() -> Trace {
        let mut query = span(
            (3, 1),
            ["shop-db", "postgres.query", "SELECT * FROM carts WHERE id = $1", "sql"],
            "client",
            (12, 31),
        );
        query.error = 1;
        query.meta.insert("error.type".into(), "PoolTimeout".into());
        query.meta.insert("error.message".into(), "no connection\nwithin 3 ms".into());
        let mut root =
            span((1, 0), ["shop", "web.request", "POST /checkout", "web"], "server", (0, 124));
        root.events.push(Event {
            time_unix_ns: (START + MS).try_into().unwrap(),
            name: "cache.miss".into(),
            attributes: [("key".into(), "cart:42".into())].into(),
        });
        root.links.push(Link { trace_id: 1, span_id: 2, flags: Some(1), ..Link::default() });
        root.metrics.insert("_sampling_priority_v1".into(), 1.0);
        root.meta.insert("note".into(), "two\nlines".into());
        trace(vec![
            root,
            span((2, 1), ["shop", "auth.check", "auth.check", ""], "internal", (2, 9)),
            query,
            span((4, 1), ["shop", "http.request", "POST /v1/charge", "http"], "client", (50, 70)),
            span(
                (5, 4),
                ["payment-名前", "web.request", "POST /v1/charge", "web"],
                "server",
                (55, 60),
            ),
            span((6, 5), ["payment-名前", "kafka.send", "charges", "queue"], "producer", (100, 12)),
        ])
    }

    #[test]
    fn a_trace_is_a_tree_beside_a_shared_time_axis() {
        let expected = "\
640cfd8d00000000abcdef0123456789 · 12.4 ms · 6 spans · 3 services · 1 error     2023-11-14 22:13:20Z
web.request POST /checkout          shop          web server      12.4 ms  ━━━━━━━━━━━━━━━━━━━━━━━━━
├─ auth.check                       shop          internal         900 µs  ━━╸
├─ postgres.query SELECT * FROM c…  shop-db       sql client      3.10 ms    ━━━━━━━
│     ✗ PoolTimeout: no connection\\nwithin 3 ms
└─ http.request POST /v1/charge     shop          http client     7.00 ms            ━━━━━━━━━━━━━━╸
   └─ web.request POST /v1/charge   payment-名前  web server      6.00 ms             ━━━━━━━━━━━━╸
      └─ kafka.send charges         payment-名前  queue producer  1.20 ms                      ━━━
";
        assert_eq!(render(&shop(), &Style::default()), expected);
    }

    #[test]
    fn details_are_listed_on_request() {
        let mut one = shop();
        one.chunks[0].truncate(2);
        let expected = "\
640cfd8d00000000abcdef0123456789 · 12.4 ms · 2 spans · 1 service                2023-11-14 22:13:20Z
web.request POST /checkout  shop  web server  12.4 ms  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
│  • cache.miss at +1.00 ms
│    key  cart:42
│  → span 0000000000000002 of trace 00000000000000000000000000000001, sampled
│  _sampling_priority_v1  1
│  note                   two
│                         lines
│  span.kind              server
└─ auth.check               shop  internal     900 µs  ╺━━━
      span.kind  internal
";
        assert_eq!(render(&one, &Style::detailed()), expected);
    }

    #[test]
    fn spans_without_their_parents_say_so() {
        let orphans = trace(vec![
            span((2, 9), ["svc", "a", "a", ""], "", (0, 10)),
            span((3, 2), ["svc", "b", "b", ""], "", (0, 5)),
            span((4, 5), ["svc", "c", "c", ""], "", (1, 5)),
            span((5, 4), ["svc", "d", "d", ""], "", (2, 5)),
        ]);
        let expected = "\
640cfd8d00000000abcdef0123456789 · 1.00 ms · 4 spans · 1 service                2023-11-14 22:13:20Z
a                    svc   1.00 ms  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
│  (parent 0000000000000009 did not arrive)
└─ b                 svc    500 µs  ━━━━━━━━━━━━━━━━━━━━
c                    svc    500 µs      ━━━━━━━━━━━━━━━━━━━━
│  (parent 0000000000000005 is below itself)
└─ d                 svc    500 µs          ━━━━━━━━━━━━━━━━━━━━
";
        assert_eq!(render(&orphans, &Style::default()), expected);
    }

    /// A trace of two spans that was dropped, or not, in one or two chunks.
    fn sampled(chunks: &[(Option<f64>, &str)]) -> String {
        let chunks = (0..).zip(chunks).map(|(number, (priority, mechanism))| {
            let id = 2 * number + 1;
            let mut first = span((id, id - id.min(1)), ["svc", "a", "a", ""], "", (0, 10));
            first.metrics.extend(priority.map(|value| ("_sampling_priority_v1".into(), value)));
            if !mechanism.is_empty() {
                first.meta.insert("_dd.p.dm".into(), (*mechanism).into());
            }
            let second = span((id + 1, id), ["svc", "b", "b", ""], "", (5, 5));
            vec![Arc::new(first), Arc::new(second)]
        });
        let trace = Trace { id: 1, chunks: chunks.collect(), dropped_spans: 0 };
        render(&trace, &Style { width: 100, ..Style::default() })
    }

    #[test]
    fn what_an_agent_drops_is_drawn_so_and_says_who_dropped_it() {
        let expected = "\
00000000000000000000000000000001 · 1.00 ms · 2 spans · 1 service · dropped (priority -1)
a                    svc   1.00 ms  ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
│  (dropped: priority -1, by a sampling rule or the rate limit)
└─ b                 svc    500 µs                      ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
";
        assert_eq!(sampled(&[(Some(-1.0), "-3")]), expected);
        let expected = "\
00000000000000000000000000000001 · 1.00 ms · 4 spans · 1 service · dropped in part (1 of 2 chunks)
a                          svc   1.00 ms  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
└─ b                       svc    500 µs                      ━━━━━━━━━━━━━━━━━━━━
   └─ a                    svc   1.00 ms  ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
      │  (dropped: priority -1, by hand)
      └─ b                 svc    500 µs                      ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
";
        assert_eq!(sampled(&[(Some(2.0), ""), (Some(-1.0), "-4")]), expected);
    }

    #[test]
    fn each_priority_is_told_from_the_others() {
        /// What the heading ends with, what the first span is said to be, and whether bars are dashed.
        type Row = (&'static [(Option<f64>, &'static str)], &'static str, &'static str, bool);
        let table: [Row; 8] = [
            (&[(Some(1.0), "-0")], "1 service", "", false),
            (&[(Some(2.0), "-4")], "1 service", "", false),
            (&[(Some(9.0), "")], "1 service", "", false),
            (&[(None, "")], "1 service", "(no sampling priority: kept)", false),
            (
                &[(Some(0.0), "-1")],
                "dropped (priority 0)",
                "(dropped: priority 0, by a rate of the agent)",
                true,
            ),
            (
                &[(Some(-1.0), "")],
                "dropped (priority -1)",
                "(dropped: priority -1, by a rule, the rate limit or by hand)",
                true,
            ),
            (
                &[(Some(-7.0), "-11")],
                "dropped (priority -7)",
                "(dropped: priority -7, by a rule of remote configuration)",
                true,
            ),
            (
                &[(Some(0.0), ""), (Some(-1.0), "-4")],
                "dropped",
                "(dropped: priority 0, by a rate of the agent)",
                true,
            ),
        ];
        for (chunks, heading, note, is_dashed) in table {
            let drawn = sampled(chunks);
            let mut lines = drawn.lines();
            let first = lines.next().unwrap().split("  ").next().unwrap();
            assert!(first.ends_with(&format!(" · {heading}")), "{drawn}");
            assert_eq!(drawn.contains('┄'), is_dashed, "{drawn}");
            assert_ne!(drawn.contains('━'), is_dashed, "{drawn}");
            let below = lines.nth(1).unwrap().trim_start_matches(['│', ' ']);
            assert_eq!(below.starts_with('('), !note.is_empty(), "{drawn}");
            assert!(note.is_empty() || below == note, "{drawn}");
        }
    }

    #[test]
    fn a_span_that_a_span_rule_keeps_is_not_drawn_as_dropped() {
        let mut kept = span((2, 1), ["svc", "b", "b", ""], "", (0, 10));
        kept.metrics.insert("_dd.span_sampling.mechanism".into(), 8.0);
        let mut first = span((1, 0), ["svc", "a", "a", ""], "", (0, 10));
        first.metrics.insert("_sampling_priority_v1".into(), -1.0);
        let drawn = render(&trace(vec![first, kept]), &Style::default());
        let dashed: Vec<_> = drawn.lines().filter(|line| line.contains('┄')).collect();
        let whole: Vec<_> = drawn.lines().filter(|line| line.contains('━')).collect();
        assert!(dashed.len() == 1 && dashed[0].starts_with('a'), "{drawn}");
        assert!(whole.len() == 1 && whole[0].starts_with("└─ b"), "{drawn}");
    }

    #[test]
    fn errors_are_red_and_wire_text_cannot_colour() {
        let mut bad = span((1, 0), ["svc", "\x1b[2J", "\x1b[2J", ""], "", (0, 10));
        bad.error = 1;
        let drawn = render(&trace(vec![bad]), &Style { color: true, ..Style::default() });
        assert!(drawn.contains("\x1b[1;31m\\u{1b}[2J\x1b[0m"), "{drawn}");
        assert!(drawn.contains("\x1b[31m✗ error\x1b[0m"), "{drawn}");
        assert!(!drawn.contains("\x1b[2J"));
    }

    #[test]
    fn findings_are_one_line_whatever_they_quote() {
        let finding = Finding::new(Rule::ZeroId, "a\nb");
        assert_eq!(render_finding(&finding, &Style::default()), "error: a\\nb\n");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_line_is_wider_than_asked(
            spans in proptest::collection::vec(
                (1u64..40, 0u64..40, any::<String>(), any::<String>(), any::<(i64, i64)>()), 0..40),
            chain in 0u64..200,
            width_wanted in 0usize..200,
        ) {
            let mut list: Vec<Span> = spans.iter().map(|(id, parent, name, text, (start, duration))| Span {
                span_id: *id,
                parent_id: *parent,
                name: name.as_str().into(),
                resource: text.as_str().into(),
                service: text.as_str().into(),
                span_type: name.as_str().into(),
                start_ns: *start,
                duration_ns: *duration,
                error: i32::from(id % 2 == 0),
                meta: [(name.as_str().into(), text.as_str().into())].into(),
                links: vec![Link { tracestate: text.as_str().into(), ..Link::default() }],
                events: vec![Event { name: name.as_str().into(), ..Event::default() }],
                ..Span::default()
            }).collect();
            list.extend((1000..1000 + chain).map(|id| Span {
                span_id: id + 1, parent_id: id, name: "deep".into(), ..Span::default()
            }));
            let style = Style { width: width_wanted, ..Style::detailed() };
            let drawn = render(&trace(list), &style);
            for line in drawn.lines() {
                prop_assert!(width(line) <= style.columns(), "{line}");
            }
        }
    }
}
