//! TLS to the agent, over a socket that is connected.
//!
//! - `handshake`: makes the stream, within the time for the connection; `roots`: whom it trusts.
//! - `stream`: the stream, which never blocks; `problem`: what to say when any of this fails.
//!
//! The certificate of the agent is always verified: nothing here can turn that off. Without the feature `tls`, the file
//! `tls_none.rs` stands in the place of this folder.

mod handshake;
mod problem;
mod roots;
mod stream;

pub(super) use handshake::Tls;
