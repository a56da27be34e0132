//! Who chose the service of a span.

use std::sync::atomic::{AtomicU8, Ordering};

use tracehound_fork::WriteOnce;

use crate::text::Text;

/// Who chose the service of a span: the tag `_dd.svc_src`.
///
/// One byte, because every span has one and hands it on to its children. The names of integrations are kept once for the
/// process, and from the fourth number on it is the place of a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServiceSource(u8);

/// How many names there can be: two for each integration of a program at the most.
const MAX_NAMES: usize = 128;

static NAMES: [WriteOnce<Text>; MAX_NAMES] = [const { WriteOnce::new() }; MAX_NAMES];

impl ServiceSource {
    /// The configuration, or the parent did.
    pub(crate) const INHERITED: ServiceSource = ServiceSource(0);
    /// The user, who named the tracer's own again below another one.
    pub(crate) const OWN: ServiceSource = ServiceSource(1);
    /// The user, through the API.
    pub(crate) const MANUAL: ServiceSource = ServiceSource(2);
    /// `DD_SERVICE_MAPPING`.
    pub(crate) const MAPPING: ServiceSource = ServiceSource(3);

    const FIRST_NAME: u8 = 4;

    /// An integration with this name, or an option of one. Where there are too many names it is the user: the service is
    /// not the tracer's own, and nothing more is known of it.
    pub(crate) fn named(name: &str) -> Self {
        for (number, slot) in (Self::FIRST_NAME..).zip(&NAMES) {
            if slot.get_or_make(|| Text::copy(name)) == name {
                return ServiceSource(number);
            }
        }
        ServiceSource::MANUAL
    }

    /// What it says in the tag; `None` where that is not written.
    pub(crate) fn tag(self) -> Option<&'static str> {
        match self {
            ServiceSource::INHERITED | ServiceSource::OWN => None,
            ServiceSource::MANUAL => Some("m"),
            ServiceSource::MAPPING => Some("opt.service_mapping"),
            ServiceSource(number) => {
                let place = usize::from(number.checked_sub(Self::FIRST_NAME)?);
                NAMES.get(place)?.get().map(Text::as_str)
            }
        }
    }
}

/// A source that was looked up by its name, for the next time.
pub(crate) struct SourceCache(AtomicU8);

impl SourceCache {
    const NOTHING: u8 = ServiceSource::INHERITED.0;

    pub(crate) const fn new() -> Self {
        SourceCache(AtomicU8::new(Self::NOTHING))
    }

    /// The source with this name, which is the same at each call.
    pub(crate) fn get(&self, name: impl FnOnce() -> String) -> ServiceSource {
        match self.0.load(Ordering::Acquire) {
            Self::NOTHING => {
                let source = ServiceSource::named(&name());
                self.0.store(source.0, Ordering::Release);
                source
            }
            number => ServiceSource(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_number_also_where_threads_come_together() {
        let names = ["redis", "opt.redis_service", "sql"];
        let numbers: Vec<_> = std::thread::scope(|scope| {
            let start = |_| scope.spawn(|| names.map(ServiceSource::named));
            let threads: Vec<_> = (0..8).map(start).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for of_thread in &numbers {
            assert_eq!(of_thread.map(ServiceSource::tag), names.map(Some));
            assert_eq!(of_thread, &numbers[0]);
        }
        let cache = SourceCache::new();
        assert_eq!(cache.get(|| "redis".to_owned()), numbers[0][0]);
        assert_eq!(cache.get(|| panic!("it is known")), numbers[0][0]);
    }
}
