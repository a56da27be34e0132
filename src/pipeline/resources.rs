//! Services with too many resources: a resource is to say what is worked on, and not with which values.

use crate::config::Quoted;
use crate::diag::Diag;
use crate::text::Text;
use crate::trace::{Chunk, hash_text};

/// More resources of one service are a mistake, as a rule: Datadog shows thousands of them, and not millions.
const MAX_RESOURCES: u32 = 5000;

/// Services of which resources are counted; those that come later are not.
const MAX_SERVICES: usize = 64;

/// Bits for each service: 8 KiB.
const BITS: usize = 1 << 16;

/// How many of the bits are set where there are so many resources: `BITS * (1 - e^(-MAX_RESOURCES / BITS))`. Two
/// resources may share a bit, so there are fewer bits than resources; how many fewer is known to 0.3 %.
const FULL: u32 = 4814;

/// Counts the different resources of each service, about, in a memory that does not grow with them. One warning for each
/// service that has too many.
#[derive(Default)]
pub(super) struct Resources {
    services: Vec<Service>,
    /// That of the last span, which is that of the next one as a rule.
    last: usize,
}

struct Service {
    name: Text,
    /// A bit for each hash of a resource; none any more once the warning was given.
    seen: Box<[u64]>,
    bits_set: u32,
}

impl Resources {
    /// Counts the resources of a chunk.
    pub(super) fn note(&mut self, chunk: &Chunk, diag: &Diag) {
        for span in chunk.spans() {
            let Some(service) = self.service(span.service()) else { continue };
            if service.seen.is_empty() {
                continue;
            }
            let resource = span.resource();
            if service.add(hash_text(resource.as_bytes())) {
                diag.warn(&warning(&service.name, &resource));
            }
        }
    }

    fn service(&mut self, name: &str) -> Option<&mut Service> {
        let is_last = self.services.get(self.last).is_some_and(|service| service.name == *name);
        if !is_last {
            let known = self.services.iter().position(|service| service.name == *name);
            self.last = known.unwrap_or(self.services.len());
            if known.is_none() && self.services.len() < MAX_SERVICES {
                self.services.push(Service::new(name));
            }
        }
        self.services.get_mut(self.last)
    }
}

impl Service {
    fn new(name: &str) -> Self {
        let seen = vec![0; BITS / 64].into_boxed_slice();
        Service { name: Text::copy(name), seen, bits_set: 0 }
    }

    /// Notes a resource. Returns whether it is the first of too many; nothing is counted any more then.
    fn add(&mut self, hash: u32) -> bool {
        // The upper half, which depends on all of the text.
        let place = (hash ^ (hash >> 16)) as usize % BITS;
        let Some(word) = self.seen.get_mut(place / 64) else { return false };
        let bit = 1 << (place % 64);
        if *word & bit == 0 {
            *word |= bit;
            self.bits_set += 1;
        }
        let is_full = self.bits_set > FULL;
        if is_full {
            self.seen = Box::default();
        }
        is_full
    }
}

fn warning(service: &str, resource: &str) -> String {
    format!(
        "the service {} has had more than {MAX_RESOURCES} different resources, such as {}; Datadog shows thousands of a \
         service, not millions: give the route as the resource (\"GET /users/{{id}}\"), or the statement without its \
         values, and what differs as a tag (said once for each service)",
        Quoted(service),
        Quoted(resource),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many different resources there is a warning.
    fn limit(resource: impl Fn(u32) -> String) -> u32 {
        let mut service = Service::new("shop");
        (1..=10_000).find(|number| service.add(hash_text(resource(*number).as_bytes()))).unwrap()
    }

    #[test]
    fn the_limit_is_met_within_two_percent_whatever_the_resources_look_like() {
        for (name, limit) in [
            ("ends", limit(|n| format!("GET /users/{n}"))),
            ("middles", limit(|n| format!("GET /users/{n}/orders/latest/items"))),
            ("beginnings", limit(|n| format!("{n} GET /users"))),
            ("short", limit(|n| format!("{n}"))),
            ("hexadecimal", limit(|n| format!("SELECT {:032x}", u128::from(n) << 64))),
        ] {
            assert!((4900..=5100).contains(&limit), "{name}: {limit}");
        }
    }

    #[test]
    fn the_same_resources_again_are_not_counted() {
        let mut service = Service::new("shop");
        for number in 0..100_000_u32 {
            assert!(!service.add(hash_text(format!("GET /users/{}", number % 4000).as_bytes())));
        }
    }

    #[test]
    fn services_beyond_the_most_are_left_out() {
        let mut resources = Resources::default();
        for number in 0..200 {
            let found = resources.service(&format!("service-{number}")).is_some();
            assert_eq!(found, number < MAX_SERVICES, "{number}");
        }
        assert!(resources.service("service-3").is_some());
    }
}
