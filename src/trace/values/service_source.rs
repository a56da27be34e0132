//! Who chose the service of a span.

use std::sync::atomic::{AtomicU8, Ordering};

use tracehound_fork::WriteOnce;

use crate::text::Text;

/// Who chose the service of a span: the tag `_dd.svc_src`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ServiceSource {
    /// The configuration, or the parent did.
    #[default]
    Inherited,
    /// The user, who named the tracer's own again below another one.
    Own,
    /// The user, through the API.
    Manual,
    /// `DD_SERVICE_MAPPING`.
    Mapping,
    /// An integration, or an option of one.
    Named(SourceName),
}

/// The name of an integration or of an option that services come from.
///
/// One byte, because every span has room for one: the names themselves are kept once for the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceName(u8);

/// How many names there can be: two for each integration of a program at the most.
const MAX_NAMES: usize = 128;

static NAMES: [WriteOnce<Text>; MAX_NAMES] = [const { WriteOnce::new() }; MAX_NAMES];

impl ServiceSource {
    /// The source with this name; where there are too many names, the user: the service is not the tracer's own, and
    /// nothing more is known of it.
    pub(crate) fn named(name: &str) -> Self {
        for (place, slot) in (0..).zip(&NAMES) {
            if slot.get_or_make(|| Text::copy(name)) == name {
                return ServiceSource::Named(SourceName(place));
            }
        }
        ServiceSource::Manual
    }
}

impl SourceName {
    pub(crate) fn as_str(self) -> &'static str {
        NAMES.get(usize::from(self.0)).and_then(WriteOnce::get).map_or("", Text::as_str)
    }
}

/// A [`SourceName`] that was looked up, for the next time.
pub(crate) struct SourceCache(AtomicU8);

impl SourceCache {
    const NOTHING: u8 = u8::MAX;

    pub(crate) const fn new() -> Self {
        SourceCache(AtomicU8::new(Self::NOTHING))
    }

    /// The source with this name, which is the same at each call.
    pub(crate) fn get(&self, name: impl FnOnce() -> String) -> ServiceSource {
        match self.0.load(Ordering::Acquire) {
            Self::NOTHING => {
                let source = ServiceSource::named(&name());
                if let ServiceSource::Named(SourceName(place)) = source {
                    self.0.store(place, Ordering::Release);
                }
                source
            }
            place => ServiceSource::Named(SourceName(place)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_place_also_where_threads_come_together() {
        let of = |name| match ServiceSource::named(name) {
            ServiceSource::Named(place) => place,
            other => panic!("{other:?}"),
        };
        let places: Vec<_> = std::thread::scope(|scope| {
            let start = |_| scope.spawn(|| ["redis", "opt.redis_service", "sql"].map(of));
            let threads: Vec<_> = (0..8).map(start).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for place in &places {
            assert_eq!(place.map(SourceName::as_str), ["redis", "opt.redis_service", "sql"]);
            assert_eq!(place, &places[0]);
        }
    }
}
