//! Values and errors of types that cannot be recorded.

#![allow(unused)]

use tracehound::wrap;

struct Password(String);

#[wrap(args)]
fn argument(password: Password) {}

#[wrap(ret)]
fn returned() -> Password {
    Password(String::new())
}

type Outcome = Option<u8>;

#[wrap(err)]
fn no_result() -> Outcome {
    None
}

fn main() {}
