//! The strings of a payload, each of which is written once and has a number (v0.5, v1.0).

use tracehound_machine::is_literal;

use crate::trace::{digest, text_hash};

/// How many literals are found by their address. They share places by chance, so this is a few times as many as the
/// names, keys and fixed values of a program's busiest spans.
const LITERALS: usize = 1024;
/// The slots that a new table has.
const LEAST_SLOTS: usize = 2048;
/// How many slots are looked at for one string. What is not found there is written again. So texts that were chosen to
/// have one hash, by whoever calls the program, cost bytes and no time.
const MAX_PROBES: usize = 16;

/// Numbers the strings of one payload in the order in which they are written. Number 0 is the empty string.
///
/// The strings themselves are not here but in the payload, where they are found again by place. So a string costs no
/// allocation, and a payload of many strings a few bytes for each beside them.
#[derive(Debug)]
pub(super) struct Strings {
    /// How many there are, the empty one included.
    len: usize,
    /// By hash: a power of two, at most half of them taken, with open addressing.
    slots: Vec<Slot>,
    /// Which of them are taken, so that only these are cleared.
    taken: Vec<u32>,
    /// By address. Keys and names are literals as a rule, and of one address: that is a comparison of two words, where a
    /// hash and a comparison of bytes take several times as long.
    literals: Box<[Literal; LITERALS]>,
    /// The same for the literals.
    noted: Vec<u32>,
}

/// A string, and where it is in the payload. The empty one, number 0, is not in the table: it means that the slot is
/// free.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    hash: u32,
    number: u32,
    start: u32,
    len: u32,
}

/// A text of constant memory; none is at address 0.
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
        let slots = vec![Slot::default(); LEAST_SLOTS];
        Strings { len: 1, slots, taken: Vec::new(), literals, noted: Vec::new() }
    }
}

impl Strings {
    /// How many there are, the empty one included.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Begins another payload.
    pub(super) fn clear(&mut self) {
        // What one payload of many strings has needed is not kept for ever.
        if self.slots.len() > LEAST_SLOTS && self.len < self.slots.len() / 16 {
            self.slots = vec![Slot::default(); self.slots.len() / 4];
            self.taken = Vec::new();
        }
        self.truncate(1);
    }

    /// Takes back all but the first so many.
    pub(super) fn truncate(&mut self, len: usize) {
        self.len = len;
        // The last that came goes first, so those before it are found as they were before it came.
        while let Some(at) = self.taken.pop() {
            match self.slots.get_mut(at as usize) {
                Some(slot) if slot.number as usize >= len => *slot = Slot::default(),
                _ => {
                    self.taken.push(at);
                    break;
                }
            }
        }
        for at in self.noted.drain(..) {
            if let Some(place) = self.literals.get_mut(at as usize) {
                *place = Literal::default();
            }
        }
    }

    /// The number of a literal that was used before.
    #[inline(always)]
    pub(super) fn literal(&self, text: &[u8]) -> Option<u32> {
        let address = text.as_ptr().addr();
        let known = self.literals.get(literal_slot(address))?;
        // The memory of a literal never holds anything else, so nothing but this literal is at its address.
        let is_it = known.address == address && known.len as usize == text.len();
        is_it.then_some(known.number)
    }

    /// The number of a string, or where it belongs. `payload` is where the strings are.
    #[inline(always)]
    pub(super) fn find(&self, text: &[u8], payload: &[u8]) -> Result<u32, Vacancy> {
        let hash = text_hash(digest(text), text);
        match self.slots.get(hash as usize & self.slots.len().wrapping_sub(1)) {
            Some(slot) if slot.is(hash, text, payload) => Ok(slot.number),
            _ => self.find_behind(hash, text, payload),
        }
    }

    /// As [`Strings::find`], where it is not in its first slot.
    #[inline(never)]
    fn find_behind(&self, hash: u32, text: &[u8], payload: &[u8]) -> Result<u32, Vacancy> {
        if text.is_empty() {
            return Ok(0);
        }
        let mask = self.slots.len().wrapping_sub(1);
        for probe in 0..MAX_PROBES {
            let at = (hash as usize).wrapping_add(probe) & mask;
            match self.slots.get(at) {
                Some(slot) if slot.number == 0 => return Err(Vacancy { hash, slot: Some(at) }),
                Some(slot) if slot.is(hash, text, payload) => return Ok(slot.number),
                _ => {}
            }
        }
        Err(Vacancy { hash, slot: None })
    }

    /// Adds a string that now is at this place of the payload; returns its number.
    pub(super) fn add(&mut self, text: &[u8], vacancy: Vacancy, start: usize) -> u32 {
        let [number, start, len] = [self.len, start, text.len()].map(position);
        self.len = self.len.saturating_add(1);
        if let Some(slot) = vacancy.slot.and_then(|at| self.slots.get_mut(at)) {
            *slot = Slot { hash: vacancy.hash, number, start, len };
            self.taken.extend(vacancy.slot.map(position));
        }
        if self.len.saturating_mul(2) > self.slots.len() {
            self.grow();
        }
        number
    }

    /// Takes note of a text's address, if it is a literal.
    pub(super) fn note(&mut self, text: &[u8], number: u32) {
        if is_literal(text) {
            let address = text.as_ptr().addr();
            let at = literal_slot(address);
            if let Some(place) = self.literals.get_mut(at) {
                if place.address == 0 {
                    self.noted.push(position(at));
                }
                *place = Literal { address, len: position(text.len()), number };
            }
        }
    }

    #[cold]
    fn grow(&mut self) {
        let slots = vec![Slot::default(); self.slots.len().saturating_mul(2).max(LEAST_SLOTS)];
        let mask = slots.len().wrapping_sub(1);
        let before = std::mem::replace(&mut self.slots, slots);
        for at in std::mem::take(&mut self.taken) {
            let Some(slot) = before.get(at as usize).copied() else { continue };
            let place = |probe| (slot.hash as usize).wrapping_add(probe) & mask;
            let is_free = |at: &usize| self.slots.get(*at).is_some_and(|slot| slot.number == 0);
            let free = (0..MAX_PROBES).map(place).find(is_free);
            if let Some((at, free)) = free.and_then(|at| Some((at, self.slots.get_mut(at)?))) {
                *free = slot;
                self.taken.push(position(at));
            }
        }
    }
}

impl Slot {
    /// Whether this is the text.
    #[inline(always)]
    fn is(&self, hash: u32, text: &[u8], payload: &[u8]) -> bool {
        let (start, len) = (self.start as usize, self.len as usize);
        self.hash == hash
            && len == text.len()
            && payload.get(start..start.saturating_add(len)).is_some_and(|own| same(own, text))
    }
}

/// Whether two texts of one length are the same. Most are short, and comparing them takes less than a call of `memcmp`.
#[inline(always)]
fn same(one: &[u8], two: &[u8]) -> bool {
    match one.len() {
        8..=16 => {
            one.first_chunk::<8>() == two.first_chunk() && one.last_chunk::<8>() == two.last_chunk()
        }
        4..=7 => {
            one.first_chunk::<4>() == two.first_chunk() && one.last_chunk::<4>() == two.last_chunk()
        }
        1..=3 => {
            let middle = one.len() / 2;
            one.first() == two.first()
                && one.last() == two.last()
                && one.get(middle) == two.get(middle)
        }
        _ => one == two,
    }
}

/// Literals are side by side, and seldom of more than some dozen bytes.
#[inline(always)]
fn literal_slot(address: usize) -> usize {
    (address ^ (address >> 10)) % LITERALS
}

/// A payload has fewer bytes than this can say.
fn position(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

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
            let number = self.strings.literal(text).unwrap_or_else(|| {
                match self.strings.find(text, &self.payload) {
                    Ok(number) => number,
                    Err(vacancy) => {
                        let start = self.payload.len();
                        self.payload.extend_from_slice(text);
                        self.strings.add(text, vacancy, start)
                    }
                }
            });
            self.strings.note(text, number);
            number
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
                let copy = String::from(text);
                assert_eq!(fixture.number(&copy), number, "{text}");
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
        assert_eq!(fixture.number("a literal"), 1_001);
        fixture.strings.truncate(1_001);
        fixture.payload.truncate(before);
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
            fixture.strings.slots[at] = Slot { hash, number: u32::MAX, start: 0, len: 0 };
        }
        let copy = String::from(text);
        let first = fixture.number(&copy);
        assert_eq!(fixture.number(&copy), first + 1, "it is written again");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn a_number_leads_back_to_its_text(texts in prop::collection::vec("[ab]{0,9}", 0..1_000)) {
            let mut fixture = Fixture::default();
            fixture.strings.clear();
            let mut by_number = HashMap::new();
            for text in &texts {
                let number = fixture.number(text);
                prop_assert_eq!(*by_number.entry(number).or_insert(text), text);
            }
            let distinct: HashSet<_> = texts.iter().filter(|text| !text.is_empty()).collect();
            // Numbers are used again, but for a few that were not found.
            prop_assert!(fixture.strings.len() <= distinct.len() * 11 / 10 + 2);
        }
    }
}
