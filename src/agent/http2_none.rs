//! In place of HTTP/2, without the feature `grpc`: nobody asks for it then.

use super::connection::Sender;
use super::driver::Running;
use super::error::SendErrorKind;
use super::transport::Transport;

pub(super) async fn handshake(_: Transport) -> Result<(Box<dyn Sender>, Running), SendErrorKind> {
    let why = "HTTP/2 is not built in (the feature `grpc`)";
    Err(SendErrorKind::Connect(std::io::Error::other(why)))
}
