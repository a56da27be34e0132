//! Options that `wrap` does not have, or not so.

#![allow(unused)]

use tracehound::wrap;

#[wrap(colour = "red")]
fn unknown() {}

#[wrap(name = "a", name = "b")]
fn twice() {}

#[wrap(service)]
fn without_a_value() {}

#[wrap(kind = "sever")]
fn misspelt_kind() {}

#[wrap(skip(password))]
fn skip_without_args(password: &str) {}

#[wrap(args, skip(pasword))]
fn skip_of_no_argument(user: &str, password: &str) {}

#[wrap(skip_all)]
fn of_tracing(user: &str) {}

#[wrap(fields(user = %user))]
fn sigil(user: &str) {}

#[wrap(fields(http.method))]
fn field_without_value() {}

#[wrap(fields = "a")]
fn fields_as_a_value() {}

#[wrap(args(user))]
fn args_as_a_list(user: &str) {}

#[wrap(err)]
fn err_of_nothing() {}

#[wrap(ret = "rows")]
async fn ret_of_nothing() {}

#[wrap(span_name = "a")]
fn of_others() {}

fn main() {}
