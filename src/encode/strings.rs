//! The strings of a payload, each of which is written once and has a number (v0.5, v1.0).

use tracehound_machine::is_literal;

use crate::trace::{digest, text_hash};

/// How many literals are found by their address. They share places by chance, so this is a few times as many as the
/// names, keys and fixed values of a program's busiest spans.
const LITERALS: usize = 512;
/// The slots that a new table has.
const LEAST_SLOTS: usize = 512;
/// How many slots are looked at for one string. What is not found there is written again. So texts that were chosen to
/// have one hash, by whoever calls the program, cost bytes and no time.
const MAX_PROBES: usize = 16;

/// Numbers the strings of one payload in the order in which they are written. Number 0 is the empty string.
///
/// The strings themselves are not here but in the payload, where they are found again by place. So a string costs no
/// allocation, and a payload of many strings a few bytes for each beside them.
#[derive(Debug)]
pub(super) struct Strings {
    /// By number.
    places: Vec<Place>,
    /// By hash: a power of two, at most half of them taken, with open addressing.
    slots: Vec<Slot>,
    /// By address. Most texts are literals, and of one address: that is a comparison of two words, where a hash and a
    /// comparison of bytes take several times as long.
    literals: Box<[Literal; LITERALS]>,
}

/// Where a string is in the payload.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    start: u32,
    len: u32,
}

/// Number 0, the empty string, is not in the table: it means that the slot is free.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    hash: u32,
    number: u32,
}

/// A text of constant memory. Its length is 0 where there is none.
#[derive(Clone, Copy, Debug, Default)]
struct Literal {
    address: usize,
    len: u32,
    number: u32,
}

/// Where a string that is not there yet belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vacancy {
    hash: u32,
    /// `None` where all slots that may have it are taken.
    slot: Option<usize>,
}

impl Default for Strings {
    fn default() -> Self {
        let literals = Box::new([Literal::default(); LITERALS]);
        Strings { places: vec![Place::default()], slots: Vec::new(), literals }
    }
}

impl Strings {
    /// How many there are, the empty one included.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Begins another payload.
    pub(super) fn clear(&mut self) {
        // What one payload of many strings has needed is not cleared for each small one that follows.
        let is_large =
            self.slots.len() > LEAST_SLOTS && self.len().saturating_mul(16) < self.slots.len();
        if is_large || self.slots.is_empty() {
            self.slots = vec![Slot::default(); LEAST_SLOTS.max(self.slots.len() / 4)];
            self.places.shrink_to(self.slots.len());
        } else {
            self.slots.fill(Slot::default());
        }
        self.places.truncate(1);
        self.literals.fill(Literal::default());
    }

    /// Takes back all but the first so many.
    #[cold]
    pub(super) fn truncate(&mut self, len: usize) {
        self.places.truncate(len);
        for slot in self.slots.iter_mut().filter(|slot| slot.number as usize >= len) {
            // A string that was put behind this one is not found any more, and is written again: the payload ends soon.
            *slot = Slot::default();
        }
        self.literals.fill(Literal::default());
    }

    /// The number of a literal that was used before.
    #[inline(always)]
    pub(super) fn literal(&self, text: &[u8]) -> Option<u32> {
        let address = text.as_ptr().addr();
        let known = self.literals.get(literal_slot(address))?;
        // The memory of a literal never holds anything else, so nothing but this literal is at its address.
        let is_it = known.address == address && known.len as usize == text.len() && known.len > 0;
        is_it.then_some(known.number)
    }

    /// The number of a string, or where it belongs. `payload` is where the strings are.
    pub(super) fn find(&mut self, text: &[u8], payload: &[u8]) -> Result<u32, Vacancy> {
        if text.is_empty() {
            return Ok(0);
        }
        let hash = text_hash(digest(text), text);
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        for _ in 0..MAX_PROBES {
            let Some(slot) = self.slots.get(at) else { break };
            if slot.number == 0 {
                return Err(Vacancy { hash, slot: Some(at) });
            }
            if slot.hash == hash && self.read(slot.number, payload) == Some(text) {
                let number = slot.number;
                self.note(text, number);
                return Ok(number);
            }
            at = at.wrapping_add(1) & mask;
        }
        Err(Vacancy { hash, slot: None })
    }

    /// Adds a string that now is at this place of the payload; returns its number.
    pub(super) fn add(&mut self, text: &[u8], vacancy: Vacancy, start: usize) -> u32 {
        let [number, start, len] = [self.places.len(), start, text.len()].map(position);
        self.places.push(Place { start, len });
        if let Some(slot) = vacancy.slot.and_then(|at| self.slots.get_mut(at)) {
            *slot = Slot { hash: vacancy.hash, number };
        }
        if self.places.len().saturating_mul(2) > self.slots.len() {
            self.grow();
        }
        self.note(text, number);
        number
    }

    /// The string with a number.
    fn read<'a>(&self, number: u32, payload: &'a [u8]) -> Option<&'a [u8]> {
        let Place { start, len } = *self.places.get(number as usize)?;
        payload.get(start as usize..)?.get(..len as usize)
    }

    /// Takes note of a literal's address.
    fn note(&mut self, text: &[u8], number: u32) {
        if is_literal(text) {
            let address = text.as_ptr().addr();
            if let Some(place) = self.literals.get_mut(literal_slot(address)) {
                *place = Literal { address, len: position(text.len()), number };
            }
        }
    }

    #[cold]
    fn grow(&mut self) {
        let slots = vec![Slot::default(); self.slots.len().saturating_mul(2).max(LEAST_SLOTS)];
        let mask = slots.len().wrapping_sub(1);
        for slot in std::mem::replace(&mut self.slots, slots) {
            let mut at = slot.hash as usize & mask;
            for _ in 0..if slot.number == 0 { 0 } else { MAX_PROBES } {
                match self.slots.get_mut(at) {
                    Some(free) if free.number == 0 => {
                        *free = slot;
                        break;
                    }
                    _ => at = at.wrapping_add(1) & mask,
                }
            }
        }
    }
}

/// Literals are side by side, and seldom of more than some dozen bytes.
#[inline(always)]
fn literal_slot(address: usize) -> usize {
    (address ^ (address >> 9)) % LITERALS
}

/// A payload has fewer bytes than this can say.
fn position(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Strings one behind the other, as a payload has them.
    #[derive(Default)]
    struct Fixture {
        strings: Strings,
        payload: Vec<u8>,
    }

    impl Fixture {
        fn number(&mut self, text: &str) -> u32 {
            let text = text.as_bytes();
            self.strings.literal(text).unwrap_or_else(|| {
                match self.strings.find(text, &self.payload) {
                    Ok(number) => number,
                    Err(vacancy) => {
                        let start = self.payload.len();
                        self.payload.extend_from_slice(text);
                        self.strings.add(text, vacancy, start)
                    }
                }
            })
        }
    }

    #[test]
    fn each_string_has_one_number_and_the_empty_one_is_0() {
        let mut fixture = Fixture::default();
        for _ in 0..2 {
            fixture.strings.clear();
            fixture.payload.clear();
            for (text, number) in
                [("a", 1), ("", 0), ("bb", 2), ("a", 1), ("a longer one", 3), ("bb", 2)]
            {
                assert_eq!(fixture.number(text), number, "{text}");
                assert_eq!(fixture.number(&text.to_owned()), number, "{text}");
            }
            assert_eq!(fixture.strings.len(), 4);
        }
    }

    #[test]
    fn what_is_taken_back_is_written_again() {
        let mut fixture = Fixture::default();
        for number in 0..1_000 {
            assert_eq!(fixture.number(&format!("text {number}")), number + 1);
        }
        let before = fixture.payload.len();
        for _ in 0..2 {
            let len = fixture.strings.len();
            assert_eq!(fixture.number("new"), 1_001);
            assert_eq!(fixture.number("new"), 1_001);
            fixture.strings.truncate(len);
            fixture.payload.truncate(before);
        }
        assert_eq!(fixture.number("text 7"), 8);
    }

    #[test]
    fn texts_of_one_hash_cost_bytes_and_no_time() {
        let mut fixture = Fixture::default();
        fixture.strings.clear();
        // As if these had the hash that the others have.
        let text = "never twice";
        let hash = text_hash(digest(text.as_bytes()), text.as_bytes());
        let mask = fixture.strings.slots.len() - 1;
        for place in 0..MAX_PROBES {
            let at = (hash as usize + place) & mask;
            fixture.strings.slots[at] = Slot { hash, number: u32::MAX };
        }
        let first = fixture.number(&text.to_owned());
        assert_eq!(fixture.number(&text.to_owned()), first + 1, "it is written again");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn a_number_leads_back_to_its_text(texts in prop::collection::vec("[ab]{0,9}", 0..1_000)) {
            let mut fixture = Fixture::default();
            fixture.strings.clear();
            for text in &texts {
                let number = fixture.number(text);
                prop_assert_eq!(fixture.strings.read(number, &fixture.payload), Some(text.as_bytes()));
            }
            let distinct: std::collections::HashSet<_> = texts.iter().filter(|text| !text.is_empty()).collect();
            // Numbers are used again, but for a few that were not found.
            prop_assert!(fixture.strings.len() <= distinct.len() * 11 / 10 + 2);
        }
    }
}
