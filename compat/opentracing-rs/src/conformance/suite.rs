//! Running checks.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::subject::Subject;

/// A check and its name.
pub type Check = (&'static str, fn(&Subject));

/// Runs checks one after the other, each with a tracer of its own, on which nothing must be active.
///
/// ```
/// # #[cfg(feature = "mock")]
/// # fn main() {
/// use opentracing_rs::conformance::{self, Subject};
/// use opentracing_rs::mock::MockTracer;
///
/// conformance::run(conformance::SCOPES, || Subject::from(MockTracer::new()));
/// # }
/// # #[cfg(not(feature = "mock"))]
/// # fn main() {}
/// ```
///
/// # Panics
///
/// If a check fails; after all of them, with the names and messages of those that did.
pub fn run(checks: &[Check], make: impl Fn() -> Subject) {
    let mut failures = Vec::new();
    for (name, check) in checks {
        let subject = make();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(&subject))) {
            failures.push(failure(name, &*panic));
        }
        // A scope that a check left behind would make the next ones fail as well.
        if subject.tracer().active_span().is_some() {
            failures.push(format!("{name}: something stayed active"));
        }
    }
    report(&failures);
}

pub(super) fn failure(name: &str, panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("{name}: {}", text.unwrap_or("a panic without a message"))
}

pub(super) fn report(failures: &[String]) {
    assert!(failures.is_empty(), "{} checks failed\n{}", failures.len(), failures.join("\n"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tracer;

    #[test]
    fn every_failure_is_reported_by_name() {
        let checks: &[Check] = &[
            ("first", |_| assert!(false_value(), "wrong")),
            ("second", |_| ()),
            ("third", |_| assert_eq!(1, 2)),
        ];
        let panic = catch_unwind(|| run(checks, || Subject::new(Tracer::noop()))).unwrap_err();
        let text = panic.downcast_ref::<String>().unwrap();
        assert!(text.starts_with("2 checks failed\nfirst: wrong\nthird: "), "{text}");
    }

    fn false_value() -> bool {
        std::hint::black_box(false)
    }
}
