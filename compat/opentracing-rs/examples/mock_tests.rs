//! How to test instrumentation: give the code a mock tracer, then look at what it has finished.
//!
//! `cargo test -p opentracing-rs --example mock_tests --features mock`; run as a program it shows the same
//! spans.

#![allow(clippy::print_stdout, reason = "examples show what they do")]

use opentracing_rs::mock::{MockSpan, MockTracer};
use opentracing_rs::{Tracer, tags};

/// The code under test.
fn query(tracer: &Tracer, statement: &str) -> Result<u64, std::num::ParseIntError> {
    tracer
        .build_span("query")
        .tag(tags::DB_TYPE, "sql")
        .tag(tags::DB_STATEMENT, statement)
        .try_in_span(|_| {
            let rows = tracer.in_span("parse", |_| statement.trim_start_matches("LIMIT ").parse());
            rows.inspect(|rows| {
                if let Some(query) = tracer.active_span() {
                    query.set_tag("rows", *rows);
                }
            })
        })
}

fn main() {
    let mock = MockTracer::new();
    for statement in ["LIMIT 3", "DROP TABLE"] {
        println!("{statement}: {:?}", query(&mock.tracer(), statement));
    }
    for MockSpan { operation_name, tags, logs, .. } in mock.finished_spans() {
        println!("{operation_name}: {tags:?} {logs:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_one_span_with_its_statement_and_rows() {
        let mock = MockTracer::new();
        assert_eq!(query(&mock.tracer(), "LIMIT 3"), Ok(3));

        let spans = mock.finished_spans();
        let [parse, query] = &spans[..] else { panic!("two spans: {spans:?}") };
        assert_eq!(query.operation_name, "query");
        assert_eq!(query.tag(tags::DB_STATEMENT), Some(&"LIMIT 3".into()));
        assert_eq!(query.tag("rows"), Some(&3.into()));
        assert_eq!(parse.parent_id, Some(query.span_id));
    }

    #[test]
    fn a_query_that_fails_says_why() {
        let mock = MockTracer::new();
        assert!(query(&mock.tracer(), "DROP TABLE").is_err());

        let query = &mock.finished_spans()[1];
        assert_eq!(query.tag(tags::ERROR), Some(&true.into()));
        assert_eq!(query.logs[0].field("event"), Some(&"error".into()));
        assert_eq!(query.logs[0].field("message"), Some(&"invalid digit found in string".into()));
    }

    #[test]
    fn no_span_stays_open_and_none_is_used_after_its_end() {
        let mock = MockTracer::new();
        let _ = query(&mock.tracer(), "LIMIT 1");
        assert!(mock.open_spans().is_empty() && mock.misuses().is_empty());
    }
}
