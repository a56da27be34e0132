//! Asks each source for a setting, and records the values and the problems.

use std::borrow::Cow;

use super::key::{Key, Quoted, Reason, Remarks};
use super::origin::Setting;
use super::report::{Problem, Report, ReportRow};
use super::value::Value;
use super::{Environment, Origin};

pub(super) struct Resolver<'a> {
    pub(super) environment: &'a Environment,
    report: Report,
    /// Each problem, and the row of the setting if its value was rejected. What is used instead is known only in the
    /// end, and added by [`Resolver::finish`].
    problems: Vec<(Problem, Option<Name>)>,
}

/// The name of a variable, a row or a setter.
type Name = Cow<'static, str>;

impl<'a> Resolver<'a> {
    pub(super) fn new(environment: &'a Environment) -> Self {
        Resolver { environment, report: Report::default(), problems: Vec::new() }
    }

    /// The value from the highest source that gave a usable one.
    pub(super) fn resolve<T: Value>(&mut self, key: &Key<T>, given: Option<T>) -> Setting<T> {
        self.resolve_named(key, &Cow::Borrowed, given)
    }

    /// As [`Resolver::resolve`], for one of several settings that a row stands for: `named` makes the name of its
    /// variable of each name of the row.
    pub(super) fn resolve_named<T: Value>(
        &mut self,
        key: &Key<T>,
        named: &dyn Fn(&'static str) -> Name,
        given: Option<T>,
    ) -> Setting<T> {
        let mut setting = Setting { value: (key.default)(), origin: Origin::Default };
        let of = Named { key, row: named(key.name) };
        let mut row = ReportRow::new(of.row.clone(), key.aliases);
        row.add(setting.origin, setting.value.show());

        let code = given.and_then(|value| {
            let (name, shown) = (key.source_name(Origin::Code), value.show().unwrap_or_default());
            let check = |remarks: &mut Remarks| (key.check)(value, remarks);
            self.accept(&of, name.into(), Origin::Code, &shown, check)
        });
        let env = [&[key.name], key.aliases].concat().into_iter().find_map(|name| {
            let name = named(name);
            let text = self.text(&of, &name, Origin::Env)?;
            self.accept(&of, name, Origin::Env, &text, |remarks| key.read(&text, remarks))
        });
        let otel = key.otel.as_ref().and_then(|otel| self.read_otel(&of, otel.name, env.is_some()));
        for (value, origin) in [(otel, Origin::OtelEnv), (env, Origin::Env), (code, Origin::Code)] {
            if let Some(value) = value {
                row.add(origin, value.show());
                setting = Setting { value, origin };
            }
        }
        self.report.push(row);
        setting
    }

    /// Adds a value that follows from other settings. It wins over a value of the same or a lower origin.
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
        self.report.add(key.name, origin, value.show());
        if origin >= setting.origin {
            *setting = Setting { value, origin };
        }
    }

    /// Records a problem with a value that is used all the same, or with no single setting.
    pub(super) fn problem(&mut self, name: impl Into<Name>, origin: Origin, reason: String) {
        self.problems.push((Problem::new(name, origin, reason), None));
    }

    /// Records that a value cannot be used, so that another source is asked. `row` is the setting's name.
    pub(super) fn reject(
        &mut self,
        row: impl Into<Name>,
        name: impl Into<Name>,
        origin: Origin,
        reason: String,
    ) {
        self.problems.push((Problem::new(name, origin, reason), Some(row.into())));
    }

    /// The report and the problems, both in the order of the table.
    pub(super) fn finish(self) -> (Report, Vec<Problem>) {
        let Resolver { report, problems, .. } = self;
        let finish = |(problem, without): (Problem, Option<Name>)| {
            let row = without.and_then(|name| report.get(&name));
            let Some(used) = row.and_then(ReportRow::effective) else { return problem };
            let instead = match used.value() {
                Some(value) => format!("using {} ({})", Quoted(value), used.origin()),
                None => "it stays unset".to_owned(),
            };
            let reason = format!("{}; {instead}", problem.reason());
            Problem::new(problem.name().to_owned(), problem.origin(), reason)
        };
        let problems = problems.into_iter().map(finish).collect();
        (report, problems)
    }

    fn read_otel<T>(&mut self, of: &Named<'_, T>, name: &'static str, hidden: bool) -> Option<T> {
        let text = self.text(of, &name.into(), Origin::OtelEnv)?;
        let (key, environment) = (of.key, self.environment);
        if hidden {
            self.problem(name, Origin::OtelEnv, format!("{} is set too, and wins", of.row));
            // Only for the report: problems with a value that is not used are of no interest.
            return key.read_otel(&text, environment, &mut Remarks::default()).ok()?;
        }
        let read = |remarks: &mut Remarks| key.read_otel(&text, environment, remarks);
        self.accept(of, name.into(), Origin::OtelEnv, &text, read)?
    }

    /// The text of a variable, unless it is unset or blank.
    fn text<T>(&mut self, of: &Named<'_, T>, name: &Name, origin: Origin) -> Option<String> {
        let value = self.environment.get(name)?;
        let Some(text) = value.to_str().map(str::trim) else {
            let reason = "the value is not valid UTF-8".to_owned();
            self.reject(of.row.clone(), name.clone(), origin, reason);
            return None;
        };
        (of.key.blank_counts || !text.is_empty()).then(|| text.to_owned())
    }

    /// Reads a value, and records the problems with it.
    fn accept<T, V>(
        &mut self,
        of: &Named<'_, T>,
        name: Name,
        origin: Origin,
        text: &str,
        read: impl FnOnce(&mut Remarks) -> Result<V, Reason>,
    ) -> Option<V> {
        let mut remarks = Remarks::default();
        let result = read(&mut remarks);
        for remark in remarks {
            self.problem(name.clone(), origin, remark);
        }
        let refused = |reason| {
            let value = if of.key.repeats { Quoted(text).to_string() } else { "the value".into() };
            self.reject(of.row.clone(), name, origin, format!("{value} {reason}"));
        };
        result.map_err(refused).ok()
    }
}

/// A row, and the name of the setting: that of the row, but where it stands for several.
struct Named<'k, T: 'static> {
    key: &'k Key<T>,
    row: Name,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::key::Otel;
    use crate::config::parse;

    const RATE: Key<Option<f64>> = Key {
        name: "DD_RATE",
        setter: Some("rate"),
        aliases: &["DD_OLD_RATE"],
        otel: Some(Otel::new("OTEL_RATE", |text, _, _| {
            parse::number(text).map(|percent| Some(Some(percent / 100.0)))
        })),
        check: |rate, _| rate.map(|rate| parse::within(rate, 0.0..=1.0)).transpose(),
        ..Key::new(|| None, |text, _| parse::number(text).map(Some))
    };

    /// The value and where it came from, what the report has, and the problems.
    type Outcome = (Option<f64>, Origin, String, Vec<String>);

    fn outcome(given: Option<f64>, environment: &Environment) -> Outcome {
        let mut resolver = Resolver::new(environment);
        let Setting { value, origin } = resolver.resolve(&RATE, given.map(Some));
        let (report, problems) = resolver.finish();
        let row = report.rows()[0].to_string();
        (value, origin, row, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_highest_usable_source_wins_and_all_are_reported() {
        let of_both = "0.3 (code), over 0.2 (env_var), over 0.1 (otel_env_var)";
        let hidden = "OTEL_RATE (otel_env_var): DD_RATE is set too, and wins";
        let range = "rate (code): \"7\" is not a number from 0 to 1; using \"0.1\" (otel_env_var)";
        let x = "DD_RATE (env_var): \"x\" is not a number; using";
        let [x_otel, x_alias] =
            [format!("{x} \"0.1\" (otel_env_var)"), format!("{x} \"0.5\" (env_var)")];
        for (given, [name, alias, otel], value, row, said) in [
            (Some(0.3), [" 0.2 ", "", "10"], Some(0.3), of_both, &[hidden][..]),
            (Some(7.0), ["x", "", "10"], Some(0.1), "0.1 (otel_env_var)", &[range, &x_otel]),
            // Blank variables are unset.
            (None, ["", "  ", "\t"], None, "unset (default)", &[]),
            // An alias is asked where the name gives nothing.
            (None, ["", "0.5", ""], Some(0.5), "0.5 (env_var)", &[]),
            (None, ["0.1", "0.5", ""], Some(0.1), "0.1 (env_var)", &[]),
            (None, ["x", "0.5", ""], Some(0.5), "0.5 (env_var)", &[&x_alias]),
        ] {
            let pairs = [("DD_RATE", name), ("DD_OLD_RATE", alias), ("OTEL_RATE", otel)];
            let (found, origin, report, problems) = outcome(given, &Environment::from_pairs(pairs));
            assert_eq!((found, report), (value, format!("DD_RATE: {row}")), "{pairs:?}");
            assert!(row.contains(&format!("({origin})")), "{pairs:?}");
            assert_eq!(problems, said, "{pairs:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_text_is_a_problem() {
        use std::ffi::OsString;
        use std::os::unix::ffi::OsStringExt;

        let value = OsString::from_vec(vec![b'1', 0xff]);
        let (value, .., said) = outcome(None, &Environment::from_pairs([("DD_RATE", value)]));
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
