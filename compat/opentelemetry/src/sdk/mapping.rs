//! Functions of the user that name spans. A panic of one is caught and counted.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use tracehound::bridge::TracerExt as _;
use tracehound::bridge::catch;
use tracehound::{Text, Tracer};

pub(super) type Function = Box<dyn Fn(&SpanData, &Resource) -> Option<Text> + Send + Sync>;

pub(super) fn boxed<T: Into<Text>>(
    map: impl Fn(&SpanData, &Resource) -> Option<T> + Send + Sync + 'static,
) -> Function {
    Box::new(move |span, resource| map(span, resource).map(T::into))
}

/// The functions of the user. Where one returns `None` or panics, the name follows from the span.
#[derive(Default)]
pub(super) struct Mappings {
    pub(super) name: Option<Function>,
    pub(super) service: Option<Function>,
    pub(super) resource: Option<Function>,
    panics: AtomicU64,
}

/// What the user's functions have named.
#[derive(Debug, Default)]
pub(super) struct Mapped {
    pub(super) name: Option<Text>,
    pub(super) service: Option<Text>,
    pub(super) resource: Option<Text>,
}

impl Mappings {
    pub(super) fn apply(&self, span: &SpanData, resource: &Resource, tracer: &Tracer) -> Mapped {
        let call = |function: &Option<Function>| {
            let function = function.as_ref()?;
            catch(|| function(span, resource)).unwrap_or_else(|| {
                self.panics.fetch_add(1, Ordering::Relaxed);
                tracer.warn_once("mapping", || {
                    "a function that names spans panicked: they are named as without it".to_owned()
                });
                None
            })
        };
        Mapped {
            name: call(&self.name),
            service: call(&self.service),
            resource: call(&self.resource),
        }
    }

    pub(super) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Mappings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mappings")
            .field("name", &self.name.is_some())
            .field("service", &self.service.is_some())
            .field("resource", &self.resource.is_some())
            .finish_non_exhaustive()
    }
}
