//! Functions that the tests of this package, which has no unsafe code, cannot have.

#![deny(warnings, unsafe_op_in_unsafe_fn)]

use tracehound::wrap;

#[wrap]
unsafe fn first_of(numbers: *const u32) -> u32 {
    unsafe { *numbers }
}

#[wrap]
async unsafe fn first_later(numbers: *const u32) -> Result<u32, String> {
    Ok(unsafe { *numbers })
}

#[wrap]
pub unsafe extern "C" fn exported(number: u32) -> u32 {
    number
}

fn main() {
    let number = 4;
    assert_eq!(unsafe { first_of(&raw const number) }, 4);
    let _ = unsafe { first_later(&raw const number) };
    assert_eq!(unsafe { exported(4) }, 4);
}
