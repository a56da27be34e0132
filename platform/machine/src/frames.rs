//! The stack of a thread, as addresses, without a lock.
//!
//! `std::backtrace` gives no addresses, and takes stacks under a lock that it also holds while it looks up symbols.
//! `unsafe`: the unwinder is a foreign library that calls our function with a pointer. It holds because the pointer is to
//! a vector of the function that makes the call, which nobody else uses until the call is over; and because what is
//! called neither unwinds nor allocates.

use std::ffi::{c_int, c_void};

/// What the unwinder knows of one frame; only it looks inside.
#[repr(C)]
struct UnwindContext {
    _opaque: [u8; 0],
}

type Step = extern "C" fn(*mut UnwindContext, *mut c_void) -> c_int;

/// `_URC_NO_REASON`: go on with the next frame.
const GO_ON: c_int = 0;
/// `_URC_END_OF_STACK`
const END: c_int = 5;

#[expect(unsafe_code, reason = "the unwinder is a foreign library")]
unsafe extern "C" {
    // Of the unwinder that the standard library is linked with.
    fn _Unwind_Backtrace(step: Step, data: *mut c_void) -> c_int;
    fn _Unwind_GetIP(context: *mut UnwindContext) -> usize;
}

/// Where the functions of this thread's stack will go on, the innermost first, at most `limit` of them.
///
/// `std::backtrace` takes its stacks under a lock that it also holds while it looks up symbols, for hundreds of
/// milliseconds at the first time; this takes none. Linux on x86-64 and AArch64 only.
#[must_use]
#[inline(never)]
pub fn return_addresses(limit: usize) -> Vec<usize> {
    let mut addresses: Vec<usize> = Vec::with_capacity(limit);
    let data = (&raw mut addresses).cast::<c_void>();
    #[expect(unsafe_code, reason = "no other way to the addresses")]
    // SAFETY: the function calls `note` on this thread, with `data`, before it returns, and keeps neither; `data` is
    // a vector that nobody else uses until then. `note` does not unwind.
    unsafe {
        _Unwind_Backtrace(note, data);
    }
    addresses
}

/// Called for each frame, inside of the unwinder: it must neither panic nor allocate.
extern "C" fn note(context: *mut UnwindContext, data: *mut c_void) -> c_int {
    #[expect(unsafe_code, reason = "called from C")]
    // SAFETY: `data` is the vector that `return_addresses` gave, which is borrowed by nobody else; the context is the
    // unwinder's own, valid during this call.
    let (addresses, address) = unsafe { (&mut *data.cast::<Vec<usize>>(), _Unwind_GetIP(context)) };
    if addresses.len() >= addresses.capacity() {
        return END;
    }
    // There is room: nothing is allocated.
    addresses.push(address);
    GO_ON
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn deeper(by: usize, limit: usize) -> Vec<usize> {
        let found = match by.checked_sub(1) {
            None => return_addresses(limit),
            Some(less) => deeper(less, limit),
        };
        std::hint::black_box(found)
    }

    #[test]
    #[cfg_attr(miri, ignore = "no unwinder")]
    fn there_is_one_for_each_call_up_to_the_limit() {
        let shallow = deeper(0, 1000);
        let deep = deeper(20, 1000);
        assert_eq!(deep.len().checked_sub(shallow.len()), Some(20));
        assert_eq!(deep[4..20], vec![deep[4]; 16], "calls from one place");
        assert_eq!(deeper(20, 7).len(), 7);
        assert!(deeper(1, 0).is_empty());
    }
}
