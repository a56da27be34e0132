//! Items that are not to be wrapped.

#![allow(unused)]

use tracehound::wrap;

#[wrap]
const fn constant() -> u8 {
    1
}

#[wrap]
struct Cart;

#[wrap]
impl Cart {
    fn load(&self) {}
}

trait Shop {
    #[wrap]
    fn open(&self);
}

fn main() {}
