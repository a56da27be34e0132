//! Asks every source about a setting, and keeps account of what they said.

use super::key::{Key, Otel, Quoted, Reason, Remarks};
use super::origin::Setting;
use super::report::{Problem, Report, ReportRow};
use super::value::Value;
use super::{Environment, Origin};

pub(super) struct Resolver<'a> {
    environment: &'a Environment,
    report: Vec<ReportRow>,
    problems: Vec<Pending>,
}

/// A problem before it is known what came to be used instead.
struct Pending {
    problem: Problem,
    /// The setting that got no value out of it.
    without: Option<&'static str>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(environment: &'a Environment) -> Self {
        Resolver { environment, report: Vec::new(), problems: Vec::new() }
    }

    pub(super) fn environment(&self) -> &'a Environment {
        self.environment
    }

    /// The value of the highest source that gave a usable one.
    pub(super) fn resolve<T: Value>(&mut self, key: &Key<T>, given: Option<T>) -> Setting<T> {
        let mut setting = Setting { value: (key.default)(), origin: Origin::Default };
        let mut row = ReportRow::new(key.name, key.aliases);
        row.add(setting.origin, setting.value.show());

        let code = given.and_then(|value| self.check_code(key, value));
        let env = self.read_environment(key);
        let otel = key.otel.as_ref().and_then(|otel| self.read_otel(key, otel, env.is_some()));
        for (value, origin) in [(otel, Origin::OtelEnv), (env, Origin::Env), (code, Origin::Code)] {
            if let Some(value) = value {
                row.add(origin, value.show());
                setting = Setting { value, origin };
            }
        }
        self.report.push(row);
        setting
    }

    /// Adds what follows from other settings. It wins over what has the same origin or a lower one.
    pub(super) fn derive<T: Value>(
        &mut self,
        key: &Key<T>,
        setting: &mut Setting<T>,
        value: T,
        origin: Origin,
    ) {
        if value == setting.value && origin == setting.origin {
            return;
        }
        if let Some(row) = self.report.iter_mut().find(|row| row.name() == key.name) {
            row.add(origin, value.show());
        }
        if origin >= setting.origin {
            *setting = Setting { value, origin };
        }
    }

    pub(super) fn problem(&mut self, name: &'static str, origin: Origin, reason: String) {
        self.problems.push(Pending { problem: Problem::new(name, origin, reason), without: None });
    }

    /// The account: what was said, and what was wrong, both in the order of the table.
    pub(super) fn finish(self) -> (Report, Vec<Problem>) {
        let Resolver { report, problems, .. } = self;
        let finish = |Pending { problem, without }: Pending| {
            let row = without.and_then(|name| report.iter().find(|row| row.name() == name));
            let Some(used) = row.and_then(ReportRow::effective) else { return problem };
            let instead = match used.value() {
                Some(value) => format!("using {} ({})", Quoted(value), used.origin()),
                None => "it stays unset".to_owned(),
            };
            let reason = format!("{}; {instead}", problem.reason());
            Problem::new(problem.name(), problem.origin(), reason)
        };
        let problems = problems.into_iter().map(finish).collect();
        (Report::new(report), problems)
    }

    /// A value given in code that could not even be kept.
    pub(super) fn refuse<T>(&mut self, key: &Key<T>, setter: &'static str, reason: String) {
        self.reject(key, setter, Origin::Code, reason);
    }

    fn check_code<T: Value>(&mut self, key: &Key<T>, value: T) -> Option<T> {
        let shown = value.show().unwrap_or_default();
        let name = key.said_by(Origin::Code);
        self.accept(key, name, Origin::Code, &shown, |remarks| (key.check)(value, remarks))
    }

    fn read_environment<T: Value>(&mut self, key: &Key<T>) -> Option<T> {
        for name in std::iter::once(key.name).chain(key.aliases.iter().copied()) {
            let Some(text) = self.text(key, name, Origin::Env) else { continue };
            let value = self.accept(key, name, Origin::Env, &text, |remarks| {
                (key.parse)(&text, remarks).and_then(|value| (key.check)(value, remarks))
            });
            if value.is_some() {
                return value;
            }
        }
        None
    }

    fn read_otel<T: Value>(&mut self, key: &Key<T>, otel: &Otel<T>, hidden: bool) -> Option<T> {
        let text = self.text(key, otel.name, Origin::OtelEnv)?;
        if hidden {
            let reason = format!("{} is set too, and wins", key.name);
            self.problem(otel.name, Origin::OtelEnv, reason);
            // Only for the report: what is wrong with a hidden value is of no interest.
            let mut unsaid = Remarks::default();
            let value = (otel.convert)(&text, self.environment, &mut unsaid).ok().flatten()?;
            return (key.check)(value, &mut unsaid).ok();
        }
        let environment = self.environment;
        self.accept(key, otel.name, Origin::OtelEnv, &text, |remarks| {
            match (otel.convert)(&text, environment, remarks)? {
                Some(value) => (key.check)(value, remarks).map(Some),
                None => Ok(None),
            }
        })
        .flatten()
    }

    /// A variable that says something.
    fn text<T>(&mut self, key: &Key<T>, name: &'static str, origin: Origin) -> Option<String> {
        let value = self.environment.get(name)?;
        let Some(text) = value.to_str().map(str::trim) else {
            self.reject(key, name, origin, "the value is not valid UTF-8".to_owned());
            return None;
        };
        (key.blank_counts || !text.is_empty()).then(|| text.to_owned())
    }

    /// Runs a reader, and takes down what it has to say about the text.
    fn accept<T, V>(
        &mut self,
        key: &Key<T>,
        name: &'static str,
        origin: Origin,
        text: &str,
        read: impl FnOnce(&mut Remarks) -> Result<V, Reason>,
    ) -> Option<V> {
        let mut remarks = Remarks::default();
        let result = read(&mut remarks);
        for remark in remarks {
            self.problem(name, origin, remark);
        }
        match result {
            Ok(value) => Some(value),
            Err(reason) => {
                let value = if key.repeats { Quoted(text).to_string() } else { "the value".into() };
                self.reject(key, name, origin, format!("{value} {reason}"));
                None
            }
        }
    }

    fn reject<T>(&mut self, key: &Key<T>, name: &'static str, origin: Origin, reason: String) {
        let problem = Problem::new(name, origin, reason);
        self.problems.push(Pending { problem, without: Some(key.name) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    const RATE: Key<Option<f64>> = Key {
        name: "DD_RATE",
        setter: Some("rate"),
        aliases: &["DD_OLD_RATE"],
        otel: Some(Otel {
            name: "OTEL_RATE",
            with: &[],
            convert: |text, _, _| parse::number(text).map(|percent| Some(Some(percent / 100.0))),
        }),
        check: |rate, _| rate.map(|rate| parse::within(rate, 0.0..=1.0)).transpose(),
        ..Key::new(|| None, |text, _| parse::number(text).map(Some))
    };

    /// The value and where it came from, what the report has, and the problems.
    type Outcome = (Option<f64>, Origin, String, Vec<String>);

    fn outcome(key: &Key<Option<f64>>, given: Option<f64>, environment: &Environment) -> Outcome {
        let mut resolver = Resolver::new(environment);
        let Setting { value, origin } = resolver.resolve(key, given.map(Some));
        let (report, problems) = resolver.finish();
        let row = report.rows()[0].to_string();
        (value, origin, row, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_highest_usable_source_wins_and_all_are_reported() {
        for (given, pairs, value, row, said) in [
            (
                Some(0.3),
                &[("DD_RATE", " 0.2 "), ("OTEL_RATE", "10")][..],
                Some(0.3),
                "DD_RATE: 0.3 (code), over 0.2 (env_var), over 0.1 (otel_env_var)",
                &["OTEL_RATE (otel_env_var): DD_RATE is set too, and wins"][..],
            ),
            (
                Some(7.0),
                &[("DD_RATE", "x"), ("OTEL_RATE", "10")],
                Some(0.1),
                "DD_RATE: 0.1 (otel_env_var)",
                &[
                    "rate (code): \"7\" is not a number from 0 to 1; using \"0.1\" (otel_env_var)",
                    "DD_RATE (env_var): \"x\" is not a number; using \"0.1\" (otel_env_var)",
                ],
            ),
            // Blank variables are unset.
            (
                None,
                &[("DD_RATE", ""), ("DD_OLD_RATE", "  "), ("OTEL_RATE", "\t")],
                None,
                "DD_RATE: unset (default)",
                &[],
            ),
            // An alias is asked where the name gives nothing.
            (None, &[("DD_OLD_RATE", "0.5")], Some(0.5), "DD_RATE: 0.5 (env_var)", &[]),
            (
                None,
                &[("DD_RATE", "0.1"), ("DD_OLD_RATE", "0.5")],
                Some(0.1),
                "DD_RATE: 0.1 (env_var)",
                &[],
            ),
            (
                None,
                &[("DD_RATE", "x"), ("DD_OLD_RATE", "0.5")],
                Some(0.5),
                "DD_RATE: 0.5 (env_var)",
                &["DD_RATE (env_var): \"x\" is not a number; using \"0.5\" (env_var)"],
            ),
        ] {
            let found = outcome(&RATE, given, &Environment::from_pairs(pairs.iter().copied()));
            assert_eq!((found.0, found.2.as_str()), (value, row), "{pairs:?}");
            assert!(row.contains(&format!("({})", found.1)), "{pairs:?}");
            assert_eq!(found.3, said, "{pairs:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_text_is_a_problem() {
        use std::ffi::OsString;
        use std::os::unix::ffi::OsStringExt;

        let value = OsString::from_vec(vec![b'1', 0xff]);
        let (value, .., said) =
            outcome(&RATE, None, &Environment::from_pairs([("DD_RATE", value)]));
        assert_eq!(value, None);
        assert_eq!(said, ["DD_RATE (env_var): the value is not valid UTF-8; it stays unset"]);
    }

    #[test]
    fn what_follows_from_other_settings_stands_where_its_origin_puts_it() {
        let environment = Environment::from_pairs([("DD_RATE", "0.2")]);
        let mut resolver = Resolver::new(&environment);
        let mut setting = resolver.resolve(&RATE, None);
        resolver.derive(&RATE, &mut setting, Some(0.9), Origin::Calculated);
        assert_eq!(setting, Setting { value: Some(0.2), origin: Origin::Env });
        resolver.derive(&RATE, &mut setting, None, Origin::Code);
        assert_eq!(setting, Setting { value: None, origin: Origin::Code });
        let (report, _) = resolver.finish();
        let row = "DD_RATE: unset (code), over 0.2 (env_var), over 0.9 (calculated)";
        assert_eq!(report.rows()[0].to_string(), row);
    }
}
