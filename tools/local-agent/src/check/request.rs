//! The headers of a trace request (trace-payload §8.1, §11).

use crate::model::{Finding, Findings, Quoted, Rule};

/// The headers that matter, as far as they were sent and readable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `X-Datadog-Trace-Count`.
    pub trace_count: Option<String>,
    /// `Datadog-Meta-Tracer-Version`.
    pub tracer_version: Option<String>,
}

/// Checks the headers against the number of chunks in the body.
pub fn request(headers: &Headers, chunks: usize, findings: &mut Findings) {
    let mut report = |rule, text: String| findings.push(Finding::new(rule, text));
    match &headers.trace_count {
        None => report(Rule::TraceCount, "the header X-Datadog-Trace-Count is missing".into()),
        Some(text) if text.parse() != Ok(chunks) => {
            let text = Quoted(text);
            let text =
                format!("X-Datadog-Trace-Count is {text}, but the payload has {chunks} chunks");
            report(Rule::TraceCount, text);
        }
        Some(_) => {}
    }
    if headers.tracer_version.as_ref().is_none_or(String::is_empty) {
        report(Rule::TracerVersion, "the header Datadog-Meta-Tracer-Version is missing".into());
    }
    match headers.content_type.as_deref().map(Quoted) {
        Some(Quoted("application/msgpack")) => {}
        None => report(Rule::ContentType, "the header Content-Type is missing".into()),
        Some(other) => {
            report(Rule::ContentType, format!("Content-Type is {other}, not application/msgpack"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(headers: &Headers) -> Vec<Rule> {
        let mut findings = Findings::default();
        request(headers, 2, &mut findings);
        findings.into_vec().into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn complete_headers_pass_and_each_missing_or_wrong_one_is_reported() {
        let good = Headers {
            content_type: Some("application/msgpack".into()),
            trace_count: Some("2".into()),
            tracer_version: Some("1.0".into()),
        };
        assert_eq!(rules(&good), []);
        for count in ["3", "", "two", "-2"] {
            let headers = Headers { trace_count: Some(count.into()), ..good.clone() };
            assert_eq!(rules(&headers), [Rule::TraceCount], "{count}");
        }
        let headers = Headers { tracer_version: Some(String::new()), ..good.clone() };
        assert_eq!(rules(&headers), [Rule::TracerVersion]);
        let headers = Headers { content_type: Some("text/plain".into()), ..good };
        assert_eq!(rules(&headers), [Rule::ContentType]);
        assert_eq!(
            rules(&Headers::default()),
            [Rule::TraceCount, Rule::TracerVersion, Rule::ContentType]
        );
    }
}
