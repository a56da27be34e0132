//! What setting a tag or a field does to a span.

use super::layout::{Record, Shared};
use crate::text::Text;
use crate::trace::tags::{Change, Key, LiteralKey, StoredValue, TagList, Tags};
use crate::trace::values::ServiceSource;

impl Change {
    pub(crate) fn apply(self, record: &mut Record, tags: &mut Tags, shared: &Shared) {
        match self {
            Change::Service(service) => {
                replace_service(record, tags, shared, service, ServiceSource::MANUAL);
            }
            Change::Resource(resource) => {
                replace(&mut record.resource, resource, &mut record.tags, tags);
            }
            Change::Name(name) => {
                if may_replace(Some(&record.name), &name, &mut record.tags, tags) {
                    record.name = name;
                }
            }
            Change::Type(span_type) => {
                replace(&mut record.span_type, span_type, &mut record.tags, tags);
            }
            Change::Kind(kind) => {
                record.kind = Some(kind);
                // It may have been set to a word that is no kind before.
                tags.put(&mut record.tags, LiteralKey::new("span.kind"), StoredValue::Absent);
            }
            Change::Error(error) => record.error = error,
            Change::Tag(key, value) => {
                if key.as_str() == "span.kind" {
                    record.kind = None;
                }
                tags.put(&mut record.tags, Key::new(key), value);
            }
        }
    }
}

fn replace(field: &mut Option<Text>, text: Text, list: &mut TagList, tags: &mut Tags) {
    if may_replace(field.as_ref(), &text, list, tags) {
        *field = Some(text);
    }
}

/// Whether there is room for a text in the place of another.
fn may_replace(old: Option<&Text>, new: &Text, list: &mut TagList, tags: &mut Tags) -> bool {
    tags.exchange(list, old.map_or(0, Text::heap_bytes), new.heap_bytes())
}

/// As [`set_service`], of a span that is open, where there is room.
pub(crate) fn replace_service(
    record: &mut Record,
    tags: &mut Tags,
    shared: &Shared,
    service: Text,
    chosen_by: ServiceSource,
) {
    if may_replace(record.service.as_ref(), &service, &mut record.tags, tags) {
        set_service(record, shared, service, chosen_by);
    }
}

/// Sets the service of a span, mapped by `DD_SERVICE_MAPPING`; an empty one is the tracer's. `chosen_by` counts where it
/// is another than the tracer's, and not mapped.
pub(crate) fn set_service(
    record: &mut Record,
    shared: &Shared,
    service: Text,
    chosen_by: ServiceSource,
) {
    let (service, source) = match shared.mapped(&service) {
        Some(mapped) => (mapped.clone(), ServiceSource::MAPPING),
        None => (service, chosen_by),
    };
    // In one form whichever name led to it: what is top-level follows from comparing services.
    if service.is_empty() || service == shared.span_service {
        record.service = None;
        record.service_source = ServiceSource::OWN;
    } else {
        record.service = Some(service.into_shared());
        record.service_source = source;
    }
}
