//! Every interleaving of the application's threads and the worker; `primitives.rs` has the command.

mod accounts;
mod calls;
mod succession;
