//! Lints that functions have, or switch off, hold for them when they are wrapped.

#![deny(warnings, unused, rust_2018_idioms, missing_docs, unreachable_pub)]

use tracehound::wrap;

#[wrap]
#[expect(dead_code, unused_variables, reason = "it is told what it would be told without `wrap`")]
fn unused(argument: u8, other: String) {}

#[wrap]
#[expect(dead_code, unused_variables)]
async fn unused_later(argument: u8, other: String, third: String) -> usize {
    third.len()
}

#[wrap]
#[must_use]
fn needed() -> u8 {
    1
}

#[wrap]
fn inner_attributes() -> u8 {
    #![allow(unused_variables)]
    let unused = 1;
    2
}

#[wrap]
fn mutable(mut list: Vec<u8>, (mut a, b): (u8, u8)) -> Result<Vec<u8>, String> {
    a += b;
    list.push(a);
    Ok(list)
}

#[wrap]
#[inline]
#[doc = "It has a documentation."]
#[deprecated]
pub(crate) fn old(text: &mut String) -> &mut String {
    text.push('.');
    text
}

#[wrap]
fn early(stop: bool) -> u8 {
    if stop {
        return 1;
    }
    for number in 0.. {
        if number > 2 {
            return number;
        }
    }
    unreachable!()
}

fn main() {
    #[expect(unused_must_use)]
    {
        needed();
    }
    #[expect(deprecated)]
    let _ = old(&mut String::new());
    assert_eq!(early(false), 3);
    assert_eq!(inner_attributes(), 2);
    assert_eq!(mutable(vec![], (1, 2)), Ok(vec![3]));
}
