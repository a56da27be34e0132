//! The rows, and the check of one way through OpenTelemetry's API against the SDK's.

use std::fmt::Write as _;

use opentelemetry::global::BoxedTracer;

use super::subjects::sdk;
use super::world::{Mapping, Notes, World};

/// To Datadog by this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Its provider.
    Provider,
    /// Its provider, behind OpenTelemetry's type-erased tracers and spans.
    Erased,
    /// Its exporter, behind the SDK.
    Exporter,
}

/// Of whatever this crate makes.
pub(crate) const ALL: &[Way] = &[Way::Provider, Way::Erased, Way::Exporter];

impl Way {
    fn mapping(self) -> Mapping {
        match self {
            Way::Provider | Way::Erased => Mapping::Tracer,
            Way::Exporter => Mapping::Agent,
        }
    }
}

/// What a program does with a tracer; for each kind of tracer one instance of the same function.
pub(crate) type Program<T> = fn(&T, &mut Notes);

/// One thing to do.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) on_sdk: Program<opentelemetry_sdk::trace::SdkTracer>,
    pub(crate) on_ours: Program<tracehound_opentelemetry::Tracer>,
    pub(crate) on_erased: Program<BoxedTracer>,
    pub(crate) differences: Vec<Difference>,
}

/// What is not as with the SDK, on purpose.
pub(crate) struct Difference {
    of: &'static [Way],
    says: &'static str,
    /// Makes this crate's result of the SDK's.
    makes: fn(&mut World),
}

/// A row; the function is generic over the tracer.
macro_rules! row {
    ($program:ident) => {
        $crate::table::Row {
            name: stringify!($program),
            on_sdk: $program,
            on_ours: $program,
            on_erased: $program,
            differences: Vec::new(),
        }
    };
}
pub(crate) use row;

impl Row {
    /// The provider's spans are different by design: README.md says `says` of it.
    pub(crate) fn provider_differs(self, says: &'static str, makes: fn(&mut World)) -> Self {
        self.differs(&[Way::Provider, Way::Erased], says, makes)
    }

    /// The ways `of` are different by design.
    pub(crate) fn differs(
        mut self,
        of: &'static [Way],
        says: &'static str,
        makes: fn(&mut World),
    ) -> Self {
        self.differences.push(Difference { of, says, makes });
        self
    }
}

pub(crate) fn differences_of(rows: &[Row]) -> Vec<&'static str> {
    rows.iter().flat_map(|row| &row.differences).map(|difference| difference.says).collect()
}

/// Compares all rows, and says all that is wrong.
pub(crate) fn check(way: Way, run: impl Fn(&Row) -> World) {
    let mut faults = String::new();
    for row in super::rows::all() {
        let mut expected = sdk(row.on_sdk, way.mapping());
        for difference in row.differences.iter().filter(|difference| difference.of.contains(&way)) {
            let before = expected.clone();
            (difference.makes)(&mut expected);
            if before == expected {
                let _ = writeln!(faults, "{}: no difference: {}", row.name, difference.says);
            }
        }
        let found = run(&row);
        for line in expected.compare(&found) {
            let _ = writeln!(faults, "{}: {line}", row.name);
        }
    }
    assert!(faults.is_empty(), "as the SDK has it, and not as here:\n{faults}");
}
