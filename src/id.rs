//! Trace and span ids, and the generator of both.

use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::num::{NonZeroU64, NonZeroU128};
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use tracehound_fork::epoch;

/// The id of a trace: 128 bits, never zero.
///
/// Ids made here are `<32 bits: Unix seconds><32 zero bits><64 random bits>`, as every Datadog tracer makes
/// them; the low half travels as `trace_id` on the wire and decides sampling, the high half as the tag
/// `_dd.p.tid`. `Display` writes 32 lower-case hexadecimal digits, and [`FromStr`] reads them.
///
/// ```
/// use tracehound::TraceId;
///
/// let id: TraceId = "640cfd8d00000000abcdef0123456789".parse()?;
/// assert_eq!(id.low(), 0xabcdef0123456789);
/// assert_eq!(id.high(), 0x640cfd8d00000000);
/// # Ok::<(), tracehound::ParseIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(NonZeroU128);

impl TraceId {
    /// An id from its two halves, or `None` when both are zero.
    #[must_use]
    pub const fn from_halves(high: u64, low: u64) -> Option<Self> {
        Self::new(((high as u128) << 64) | low as u128)
    }

    /// The low 64 bits: `trace_id` in the agent's protocol, decimal in `x-datadog-trace-id`.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the low half is what is asked for")]
    pub const fn low(self) -> u64 {
        self.0.get() as u64
    }

    /// The high 64 bits: `_dd.p.tid`; zero for a trace that began in a 64-bit tracer.
    #[must_use]
    pub const fn high(self) -> u64 {
        (self.0.get() >> 64) as u64
    }

    /// A fresh id for a trace that starts at a Unix time, or a 64-bit one where no time is given.
    pub(crate) fn generate(start_unix_ns: Option<i64>) -> Self {
        let low = random();
        let seconds = start_unix_ns.and_then(|ns| u64::try_from(ns / 1_000_000_000).ok());
        let high = seconds.unwrap_or(0) << 32;
        // `random` is never zero, so the fallback is not reached.
        Self::from_halves(high, low).unwrap_or(Self::MIN)
    }
}

/// The id of a span: 64 bits, never zero.
///
/// `Display` writes 16 lower-case hexadecimal digits, and [`FromStr`] reads them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(NonZeroU64);

impl SpanId {
    pub(crate) fn generate() -> Self {
        Self::new(random()).unwrap_or(Self::MIN)
    }

    /// This id, changed so that it tells the slot into which its span is put. So a handle need not hold the slot: with
    /// it, a handle would be three words, and a span would take 1 to 2 % more instructions.
    ///
    /// `root` is the id of the span in slot 0, which stays as it is. All bits are as random as those of the root. The
    /// ids of one slot differ in the other 47.
    #[inline]
    pub(crate) fn in_slot(self, root: SpanId, slot: u32) -> Self {
        let bits = (self.get() & !SLOT_MASK) | ((root.get() ^ u64::from(slot)) & SLOT_MASK);
        Self::new(bits).unwrap_or(SpanId(ANY_BUT_A_SLOT))
    }

    /// The slot into which the span was put, if [`SpanId::in_slot`] has made this id with the same root; otherwise any
    /// slot. Whoever looks there compares the id, because a span may move to another slot later.
    #[inline]
    pub(crate) const fn slot(self, root: SpanId) -> u32 {
        ((self.get() ^ root.get()) & SLOT_MASK) as u32
    }

    /// How many slots an id can tell apart.
    pub(crate) const SLOTS: usize = 1 << SLOT_BITS;
}

const SLOT_BITS: u32 = 17;
const SLOT_MASK: u64 = (1 << SLOT_BITS) - 1;
/// Stands for an id that would be zero. The bits that tell the slot are zero here as well.
const ANY_BUT_A_SLOT: NonZeroU64 = NonZeroU64::MIN.saturating_add(SLOT_MASK);

/// What both kinds of ids are: bits that are never all zero, and hexadecimal digits as a text.
macro_rules! id {
    ($id:ident, $bits:ident, $nonzero:ident, $digits:literal) => {
        impl $id {
            pub(crate) const MIN: $id = $id($nonzero::MIN);

            /// An id from its bits, or `None` for zero, which stands for "no id" in every protocol.
            #[must_use]
            pub const fn new(bits: $bits) -> Option<Self> {
                match $nonzero::new(bits) {
                    Some(bits) => Some($id(bits)),
                    None => None,
                }
            }

            /// All bits.
            #[must_use]
            pub const fn get(self) -> $bits {
                self.0.get()
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:0width$x}", self.0, width = $digits)
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($id))
            }
        }

        impl FromStr for $id {
            type Err = ParseIdError;

            #[doc = concat!("Reads 1 to ", $digits, " hexadecimal digits of either case.")]
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                // `from_str_radix` alone would take a sign.
                let is_hex = text.len() <= $digits && text.bytes().all(|b| b.is_ascii_hexdigit());
                let bits = is_hex.then(|| $bits::from_str_radix(text, 16).ok()).flatten();
                bits.and_then(Self::new).ok_or(ParseIdError(()))
            }
        }
    };
}

id!(TraceId, u128, NonZeroU128, 32);
id!(SpanId, u64, NonZeroU64, 16);

/// A text that is not an id: not hexadecimal, too long, empty, or zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseIdError(());

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a hexadecimal id other than zero")
    }
}

impl std::error::Error for ParseIdError {}

/// A random number for jitter.
pub(crate) fn random_u16() -> u16 {
    let [low, high, ..] = random().to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// A random UUID (version 4) as text, for `runtime-id`.
pub(crate) fn uuid() -> String {
    let bits = (u128::from(random()) << 64) | u128::from(random());
    let bits = (bits & !(0xf << 76)) | (4 << 76);
    let bits = (bits & !(0b11 << 62)) | (0b10 << 62);
    let mut text = format!("{bits:032x}");
    for dash in [20, 16, 12, 8] {
        text.insert(dash, '-');
    }
    text
}

thread_local! {
    /// The state of this thread's generator, and the process that it belongs to. The state zero means "not seeded".
    static GENERATOR: Cell<(u64, u32)> = const { Cell::new((0, 0)) };
}

/// A random number other than zero.
///
/// The generator is wyrand with a state for each thread: it needs no lock, and is unpredictable enough for ids. While
/// the thread-locals of a thread are destroyed, each number comes from a seed of its own.
fn random() -> u64 {
    let drawn = GENERATOR.try_with(|generator| {
        let (mut state, mut process) = generator.get();
        // A forked child would otherwise draw the same numbers as its parent.
        if state == 0 || process != epoch() {
            process = epoch();
            state = seed();
        }
        let number = loop {
            state = state.wrapping_add(0xa076_1d64_78bd_642f);
            let number = mix(state, state ^ 0xe703_7ed1_a0b4_28db);
            if number != 0 {
                break number;
            }
        };
        generator.set((state, process));
        number
    });
    drawn.unwrap_or_else(|_| seed().max(1))
}

/// The two halves of the 128-bit product, combined by exclusive or.
#[expect(clippy::cast_possible_truncation, reason = "the halves are folded on purpose")]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a).wrapping_mul(u128::from(b));
    (product as u64) ^ ((product >> 64) as u64)
}

/// A seed from the operating system's randomness, the time and the process id. The randomness comes through std's hash
/// keys, which a forked child inherits, so it alone would not do.
fn seed() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.write_u128(
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos()),
    );
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_distinct_over_threads() {
        let ids: Vec<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| (0..2000).map(|_| random()).collect::<Vec<_>>()))
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 16_000);
        assert!(!ids.contains(&0));
    }

    #[test]
    fn every_bit_of_an_id_is_used() {
        let ones = (0..10_000).fold(0, |seen, _| seen | random());
        let zeros = (0..10_000).fold(u64::MAX, |seen, _| seen & random());
        assert_eq!((ones, zeros), (u64::MAX, 0));
    }

    #[test]
    fn an_id_tells_its_slot_and_is_random_otherwise() {
        let root = SpanId::generate();
        assert_eq!(root.slot(root), 0);
        let slots = [0, 1, 2, 99_999, SLOT_MASK as u32];
        assert_eq!(root.in_slot(root, 0), root);
        let fresh = |root, slot| SpanId::generate().in_slot(root, slot);
        for slot in slots {
            let ids: HashSet<SpanId> = (0..1000).map(|_| fresh(root, slot)).collect();
            assert!(ids.iter().all(|id| id.slot(root) == slot));
            assert_eq!(ids.len(), 1000);
        }
        let ids = || (0..10_000).map(|_| fresh(SpanId::generate(), 7).get());
        assert_eq!(ids().fold(0, |seen, id| seen | id), u64::MAX);
        assert_eq!(ids().fold(u64::MAX, |seen, id| seen & id), 0);
    }

    #[test]
    fn an_id_that_would_be_zero_is_another_one_of_its_slot() {
        let id = |bits| SpanId::new(bits).unwrap();
        for (root, slot) in [(id(5), 5), (id(SLOT_MASK + 1), 0)] {
            let in_slot = id(7).in_slot(root, slot);
            assert_eq!(in_slot.slot(root), slot);
            assert_eq!(in_slot.get(), SLOT_MASK + 1);
        }
    }

    #[test]
    fn wide_ids_carry_the_time_and_narrow_ones_do_not() {
        let id = TraceId::generate(Some(1_700_000_000_999_999_999));
        assert_eq!(id.high(), 1_700_000_000 << 32);
        assert_eq!(TraceId::generate(None).high(), 0);
    }

    #[test]
    fn a_uuid_says_its_version() {
        let uuid = uuid();
        let parts: Vec<_> = uuid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
    }

    #[test]
    fn text_and_bits_agree() {
        let id = TraceId::from_halves(0x640c_fd8d_0000_0000, 0xabcd_ef01_2345_6789).unwrap();
        assert_eq!(id.to_string(), "640cfd8d00000000abcdef0123456789");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("4D2".parse(), Ok(SpanId::new(1234).unwrap()));
        assert_eq!(SpanId::new(1234).unwrap().to_string(), "00000000000004d2");
        for bad in ["", "0", "-1", "+1", " 1", "g", "00000000000000001", "0x1"] {
            assert!(bad.parse::<SpanId>().is_err(), "{bad:?}");
        }
        assert!("0".repeat(32).parse::<TraceId>().is_err());
        assert!("1".repeat(33).parse::<TraceId>().is_err());
    }
}
