//! The filter that every Datadog tracer has: by the URL of a request.

use std::fmt;

use regex::Regex;

use super::trace_filter::{TraceFilter, Verdict};
use crate::trace::{FinishedTrace, SpanView};

/// Drops traces of incoming requests by their URL, as `ddtrace.filters.FilterRequestsOnUrl` does.
///
/// A trace is dropped when a span of it without a parent has a tag `http.url` that begins with a match of one of the
/// patterns. So a pattern is bound to the beginning of the URL and not to its end: `http://shop/health` fits
/// `http://shop/healthcheck` as well, and `/health` alone fits no URL that has a host. A trace that goes on one of
/// another process has no span without a parent here, and is never dropped.
///
/// The patterns are those of the crate [`regex`](https://docs.rs/regex): linear in the URL, without look-around and
/// back-references.
///
/// ```
/// use tracehound::{FilterRequestsOnUrl, Tracer, testing};
///
/// let captured = testing::Captured::default();
/// let filter = FilterRequestsOnUrl::new(r"http://test\.example\.com")?;
/// let tracer = Tracer::builder().trace_filter(filter).capture(&captured).build();
/// for url in ["http://test.example.com/", "http://example.com/?from=http://test.example.com"] {
///     drop(tracer.span("web.request").tag("http.url", url).start());
/// }
/// assert_eq!(captured.spans().len(), 1);
/// # Ok::<(), tracehound::InvalidPattern>(())
/// ```
#[derive(Clone, Debug)]
pub struct FilterRequestsOnUrl {
    patterns: Vec<Regex>,
}

impl FilterRequestsOnUrl {
    /// For one pattern.
    ///
    /// # Errors
    ///
    /// When it is no regular expression, or one that would take more than 10 MiB.
    pub fn new(pattern: &str) -> Result<Self, InvalidPattern> {
        Self::any_of([pattern])
    }

    /// For several patterns, of which one has to fit.
    ///
    /// ```
    /// use tracehound::FilterRequestsOnUrl;
    ///
    /// FilterRequestsOnUrl::any_of([r"http://test\.example\.com", r"http://example\.com/healthcheck"])?;
    /// let error = FilterRequestsOnUrl::any_of(["http://ok", "http://(shop"]).unwrap_err();
    /// assert_eq!(error.pattern(), "http://(shop");
    /// # Ok::<(), tracehound::InvalidPattern>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`FilterRequestsOnUrl::new`], for the first pattern that is wrong.
    pub fn any_of<P: AsRef<str>>(
        patterns: impl IntoIterator<Item = P>,
    ) -> Result<Self, InvalidPattern> {
        let compile = |pattern: P| {
            let pattern = pattern.as_ref();
            let invalid = |error| InvalidPattern { pattern: pattern.to_owned(), error };
            Regex::new(pattern).map_err(invalid)
        };
        let patterns = patterns.into_iter().map(compile).collect::<Result<_, _>>()?;
        Ok(FilterRequestsOnUrl { patterns })
    }

    fn fits(&self, span: &SpanView<'_>) -> bool {
        let Some(url) = span.text("http.url").filter(|_| span.parent_id().is_none()) else {
            return false;
        };
        // The leftmost match is at the beginning if any is there. To put `^` before the pattern would change what some
        // patterns mean, such as one that ends in a comment.
        let begins = |pattern: &Regex| pattern.find(url).is_some_and(|found| found.start() == 0);
        self.patterns.iter().any(begins)
    }
}

impl TraceFilter for FilterRequestsOnUrl {
    fn filter(&self, trace: &mut FinishedTrace<'_>) -> Verdict {
        if trace.spans().any(|span| self.fits(&span)) { Verdict::Drop } else { Verdict::Next }
    }

    fn name(&self) -> &str {
        "FilterRequestsOnUrl"
    }
}

/// A pattern that is no regular expression; `Display` names it and says what is wrong.
#[derive(Clone, Debug)]
pub struct InvalidPattern {
    pattern: String,
    error: regex::Error,
}

impl InvalidPattern {
    /// The pattern, as it was given.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }
}

impl fmt::Display for InvalidPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no pattern for URLs: {}", self.pattern, self.error)
    }
}

impl std::error::Error for InvalidPattern {}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, url: &str) -> bool {
        let filter = FilterRequestsOnUrl::new(pattern).unwrap();
        let bench = crate::trace::testkit::Bench::new();
        bench.span("web.request").tag("http.url", url).start().finish();
        let chunk = bench.take_chunks().remove(0);
        chunk.spans().any(|span| filter.fits(&span))
    }

    /// What Python's `re.match` says of each, as `tests/trace_filters.rs` asks it.
    #[test]
    fn a_pattern_is_bound_to_the_beginning_and_not_to_the_end() {
        for (pattern, url, expected) in [
            ("http://shop/health", "http://shop/healthcheck?x=1", true),
            ("/health", "http://shop/health", false),
            (".*/health", "http://shop/health", true),
            ("shop|http", "http://shop", true),
            ("shop|other", "http://shop", false),
            ("", "http://shop", true),
            ("$", "http://shop", false),
            ("(?m)^second", "first\nsecond", false),
            ("(?i)HTTP://SHOP", "http://shop", true),
            ("(?x) http://shop # the shop", "http://shop/cart", true),
        ] {
            assert_eq!(fits(pattern, url), expected, "{pattern:?} {url:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_pattern_is_said_with_the_pattern() {
        for pattern in ["(", "a**b(?", r"(?=look)ahead", r"(a)\1", "a{1000}{1000}{1000}"] {
            let error = FilterRequestsOnUrl::any_of(["http://ok", pattern]).unwrap_err();
            assert_eq!(error.pattern(), pattern);
            assert!(error.to_string().contains(&format!("{pattern:?}")), "{error}");
        }
    }
}
