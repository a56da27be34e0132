//! The conditions of a rule.

use std::borrow::Cow;
use std::sync::Arc;

use super::glob::Glob;
use super::stack_text::StackText;
use crate::text::Text;
use crate::trace::SpanView;

/// The patterns of a rule; all of them have to match. What is absent matches every span, an empty pattern
/// an empty text only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Criteria {
    pub(crate) service: Option<Glob>,
    pub(crate) name: Option<Glob>,
    pub(crate) resource: Option<Glob>,
    pub(crate) tags: Vec<(Text, Glob)>,
}

impl Criteria {
    pub(crate) fn matches(&self, span: &SpanView<'_>) -> bool {
        fits(self.service.as_ref(), || span.service().into())
            && fits(self.name.as_ref(), || span.name())
            && fits(self.resource.as_ref(), || span.resource())
            && self.tags.iter().all(|(key, glob)| tag_matches(span, key, glob))
    }

    /// All its patterns.
    pub(crate) fn globs(&self) -> impl Iterator<Item = &Glob> {
        let fields = [&self.service, &self.name, &self.resource].into_iter().flatten();
        fields.chain(self.tags.iter().map(|(_, glob)| glob))
    }
}

/// The key of a tag as rules keep it: shared, so that a copy allocates nothing, and not in place, so that reading it
/// needs no check.
pub(crate) fn tag_key(key: &str) -> Text {
    Arc::<str>::from(key).into()
}

/// The methods with which code gives a rule its [`Criteria`], the same for rules of traces and of single spans.
macro_rules! criteria_methods {
    () => {
        /// Only where the service matches.
        #[must_use]
        pub fn service(mut self, glob: impl AsRef<str>) -> Self {
            self.criteria.service = Some(Glob::new(glob.as_ref()));
            self
        }

        /// Only where the operation name matches.
        #[must_use]
        pub fn name(mut self, glob: impl AsRef<str>) -> Self {
            self.criteria.name = Some(Glob::new(glob.as_ref()));
            self
        }

        /// Only where the resource matches.
        #[must_use]
        pub fn resource(mut self, glob: impl AsRef<str>) -> Self {
            self.criteria.resource = Some(Glob::new(glob.as_ref()));
            self
        }

        /// Only where the tag is set and matches. A whole number matches by its decimal text, any other number
        /// only the pattern `*`. May be given for several tags.
        #[must_use]
        pub fn tag(mut self, key: impl AsRef<str>, glob: impl AsRef<str>) -> Self {
            self.criteria.tags.push((tag_key(key.as_ref()), Glob::new(glob.as_ref())));
            self
        }
    };
}
pub(super) use criteria_methods;

fn fits<'a>(glob: Option<&Glob>, text: impl FnOnce() -> Cow<'a, str>) -> bool {
    glob.is_none_or(|glob| glob.matches(&text()))
}

/// A missing tag matches nothing, not even `*` (sampling §4.3).
fn tag_matches(view: &SpanView<'_>, key: &str, glob: &Glob) -> bool {
    match view.tag(key) {
        Some(text) => glob.matches(&text),
        None => view.metric(key).is_some_and(|number| number_matches(number, glob)),
    }
}

/// The largest float has 309 digits, and a sign.
type WholeNumber = StackText<310>;

/// A whole number matches by its decimal text; any other has too many texts to match more than `*`.
fn number_matches(number: f64, glob: &Glob) -> bool {
    if glob.is_any() {
        return true;
    }
    // The sum turns -0.0 into 0.0.
    number.fract() == 0.0
        && glob.matches(WholeNumber::of(format_args!("{:.0}", number + 0.0)).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::testkit::Bench;

    #[test]
    fn whole_numbers_match_by_their_digits() {
        for (number, glob, matches) in [
            (20.0, "20", true),
            (20.0, "2?", true),
            (-100.0, "-100", true),
            (-0.0, "0", true),
            (1e21, "1000000000000000000000", true),
            (f64::MAX, "1797*", true),
            (f64::MIN, "-1797*", true),
            (20.5, "20*", false),
            (20.5, "20.5", false),
            (20.5, "?*", false),
            (20.5, "*", true),
            (f64::INFINITY, "inf*", false),
        ] {
            assert_eq!(number_matches(number, &Glob::new(glob)), matches, "{number} {glob}");
        }
    }

    #[test]
    fn tags_of_the_tracer_count_where_the_span_has_none() {
        let bench = Bench::with(|shared| shared.env = Some("prod".into()));
        bench.shared.tags.store(vec![("team".into(), "core".into())]);
        let span = bench.span("root").tag("team", "web").start();
        let plain = bench.span("plain").start();
        let matches = |key: &str, glob: &str| {
            let matches = |view: &SpanView<'_>| tag_matches(view, key, &Glob::new(glob));
            (span.read(matches).unwrap(), plain.read(matches).unwrap())
        };
        assert_eq!(matches("env", "PROD"), (true, true));
        assert_eq!(matches("team", "core"), (false, true));
        assert_eq!(matches("team", "web"), (true, false));
        assert_eq!(matches("none", "*"), (false, false));
    }

    #[test]
    fn an_empty_pattern_is_not_an_absent_one() {
        let bench = Bench::new();
        let span = bench.span("root").start();
        let matches = |criteria: &Criteria| span.read(|view| criteria.matches(view)).unwrap();
        assert!(matches(&Criteria::default()));
        assert!(!matches(&Criteria { service: Some(Glob::new("")), ..Criteria::default() }));
        assert!(matches(&Criteria { service: Some(Glob::new("web")), ..Criteria::default() }));
        // A span without a resource has its name for one.
        assert!(matches(&Criteria { resource: Some(Glob::new("ROOT")), ..Criteria::default() }));
    }
}
