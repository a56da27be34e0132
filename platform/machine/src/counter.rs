//! The processor's counter of time.

/// Whether [`counter`] counts on this kind of processor.
pub const HAS_COUNTER: bool = cfg!(target_arch = "x86_64");

/// The time-stamp counter of the processor that this thread runs on; 0 where there is none.
///
/// How fast it counts, whether always as fast, and whether all processors agree, depends on the machine. On
/// Linux that is known to the kernel: where its clock source is `tsc`, the counter is as steady as its clocks. The
/// kernel may give it up later, and it may leap where a machine sleeps or migrates: who counts with it has to watch for
/// both.
///
/// Other instructions may be done a little before or after the reading.
#[must_use]
#[inline]
pub fn counter() -> u64 {
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "an intrinsic")]
    // SAFETY: every processor of the architecture has the instruction; it reads a register. A process that
    // has forbidden it to itself (PR_SET_TSC) cannot use the clocks of its C library either.
    return unsafe { core::arch::x86_64::_rdtsc() };
    #[cfg(not(target_arch = "x86_64"))]
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "no processor, no counter")]
    fn it_goes_on() {
        let first = counter();
        let later = (0..1_000_000).map(|_| counter()).find(|count| *count > first);
        assert_eq!(later.is_some(), HAS_COUNTER);
    }
}
