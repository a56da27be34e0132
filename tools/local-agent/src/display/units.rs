//! Durations and times for people.

/// A duration with three digits that matter, in the unit that suits it: `1.24 ms`, `12.4 ms`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(super) fn duration(ns: i64) -> String {
    const UNITS: [(&str, f64); 3] = [("µs", 1e3), ("ms", 1e6), ("s", 1e9)];
    // From here on, half a unit in the last digit rounds up to the next unit.
    const NEXT: f64 = 999.5;

    if ns.unsigned_abs() < 1000 {
        return format!("{ns} ns");
    }
    let value = ns as f64;
    if value.abs() >= 60e9 {
        let seconds = ns / 1_000_000_000;
        return format!("{}m {:02}s", seconds / 60, (seconds % 60).abs());
    }
    let (unit, size) =
        UNITS.into_iter().find(|(_, size)| (value / size).abs() < NEXT).unwrap_or(("s", 1e9));
    let scaled = value / size;
    let decimals = match scaled.abs() {
        small if small < 9.995 => 2,
        middle if middle < 99.95 => 1,
        _ => 0,
    };
    format!("{scaled:.decimals$} {unit}")
}

/// A moment in UTC: `2023-11-14 22:13:20Z`.
pub(super) fn moment(unix_ns: i64) -> String {
    let seconds = unix_ns.div_euclid(1_000_000_000);
    let (days, seconds) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, rest) = (seconds.div_euclid(3600), seconds.rem_euclid(3600));
    let (minute, second) = (rest.div_euclid(60), rest.rem_euclid(60));
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z")
}

/// The date of a day counted from 1970-01-01, by Hinnant's `civil_from_days`.
#[expect(clippy::arithmetic_side_effects, reason = "days of an i64 of nanoseconds are below 2^17")]
fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the leap day is the last of its year.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_and_a_fitting_unit() {
        let table = [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (9_995, "10.0 µs"),
            (99_950, "100 µs"),
            (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (12_345_678, "12.3 ms"),
            (1_234_000_000, "1.23 s"),
            (59_940_000_000, "59.9 s"),
            (60_000_000_000, "1m 00s"),
            (3_725_000_000_000, "62m 05s"),
            (-1_500, "-1.50 µs"),
            (i64::MAX, "153722867m 16s"),
        ];
        for (ns, expected) in table {
            assert_eq!(duration(ns), expected);
        }
    }

    #[test]
    fn moments_are_utc() {
        assert_eq!(moment(1_700_000_000_123_456_789), "2023-11-14 22:13:20Z");
        assert_eq!(moment(951_782_400_000_000_000), "2000-02-29 00:00:00Z");
        assert_eq!(moment(0), "1970-01-01 00:00:00Z");
        assert_eq!(moment(-1), "1969-12-31 23:59:59Z");
        assert_eq!(moment(i64::MAX), "2262-04-11 23:47:16Z");
        assert_eq!(moment(i64::MIN), "1677-09-21 00:12:43Z");
    }
}
