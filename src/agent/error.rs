//! Why a request got no answer.

use std::error::Error;
use std::time::Duration;
use std::{fmt, io};

use hyper::http::StatusCode;

/// Why a request got no answer, and whether the agent may have received it all the same.
///
/// `{}` names the kind only; `{:#}` adds the causes, for a warning.
#[derive(Debug)]
pub(crate) struct SendError {
    pub(crate) kind: SendErrorKind,
    may_have_arrived: bool,
    was_sent_twice: bool,
}

/// The kinds of errors, by which `pipeline` decides whether a request is sent again.
#[derive(Debug)]
pub(crate) enum SendErrorKind {
    /// No connection.
    Connect(io::Error),
    /// Connected, and then no byte was written or read for this time.
    Timeout(Duration),
    /// The connection broke, or what came was not HTTP, or its head was too long.
    Broken(hyper::Error),
    /// The answer to a request without TLS is TLS, or says that TLS is wanted.
    SpeaksTls,
    /// An answer of success from an agent that has not read the whole request.
    Unread(StatusCode),
    /// The body of the answer is too large. Only for the body: the status of such an answer counts.
    TooLarge,
    /// The request is not valid HTTP. It was not sent, and trying again cannot help.
    Invalid(hyper::http::Error),
    /// There is no connection but a stream, which could not be written to.
    Stream(io::Error),
}

impl SendError {
    /// `is_written`: whether the system was given every byte of the request.
    pub(crate) fn new(kind: SendErrorKind, is_written: bool) -> Self {
        SendError { kind, may_have_arrived: is_written, was_sent_twice: false }
    }

    pub(crate) fn connect(error: io::Error) -> Self {
        Self::new(SendErrorKind::Connect(error), false)
    }

    /// Whether the connection broke.
    pub(super) fn is_broken(&self) -> bool {
        matches!(self.kind, SendErrorKind::Broken(_))
    }

    /// The error of a request that was sent twice and failed both times, first with `earlier`. The agent may have
    /// received it either time.
    pub(super) fn after(self, earlier: &SendError) -> Self {
        let may_have_arrived = self.may_have_arrived || earlier.may_have_arrived;
        let was_sent_twice = self.may_have_arrived && earlier.may_have_arrived;
        SendError { may_have_arrived, was_sent_twice, ..self }
    }

    /// Whether the agent may have received the whole request twice.
    pub(crate) fn was_sent_twice(&self) -> bool {
        self.was_sent_twice
    }

    /// Whether the agent may have received the whole request: every byte of it was given to the system, and then came
    /// no answer that counts. If not, sending it again cannot make it arrive twice.
    pub(crate) fn may_have_arrived(&self) -> bool {
        self.may_have_arrived
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            SendErrorKind::Connect(_) => f.write_str("cannot connect")?,
            SendErrorKind::Timeout(time) if self.may_have_arrived => {
                write!(f, "no answer within {time:?}")?;
            }
            SendErrorKind::Timeout(time) => {
                write!(f, "nothing of the request was read for {time:?}")?;
            }
            SendErrorKind::Broken(_) => f.write_str("the exchange broke off")?,
            SendErrorKind::SpeaksTls => {
                f.write_str("the other end speaks TLS: its URL has to begin with https://")?;
            }
            SendErrorKind::Unread(status) => {
                write!(f, "answered {status} without reading the whole request")?;
            }
            SendErrorKind::TooLarge => f.write_str("the answer is too large")?,
            SendErrorKind::Invalid(_) => f.write_str("the request cannot be sent")?,
            SendErrorKind::Stream(_) => f.write_str("the stream cannot be written to")?,
        }
        if f.alternate() {
            let mut cause = self.source();
            while let Some(error) = cause {
                write!(f, ": {error}")?;
                cause = error.source();
            }
        }
        Ok(())
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            SendErrorKind::Connect(error) | SendErrorKind::Stream(error) => Some(error),
            SendErrorKind::Broken(error) => Some(error),
            SendErrorKind::Invalid(error) => Some(error),
            SendErrorKind::Timeout(_)
            | SendErrorKind::SpeaksTls
            | SendErrorKind::Unread(_)
            | SendErrorKind::TooLarge => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_form_names_the_cause() {
        let error = SendError::connect(io::Error::other("refused"));
        assert_eq!(error.to_string(), "cannot connect");
        assert_eq!(format!("{error:#}"), "cannot connect: refused");
        for (is_written, said) in
            [(true, "no answer within 2s"), (false, "nothing of the request was read for 2s")]
        {
            let kind = SendErrorKind::Timeout(Duration::from_secs(2));
            assert_eq!(format!("{:#}", SendError::new(kind, is_written)), said);
        }
    }

    #[test]
    fn what_may_have_arrived_once_may_have_arrived() {
        let error = |is_written| SendError::new(SendErrorKind::TooLarge, is_written);
        for (earlier, later, either) in
            [(false, false, false), (true, false, true), (false, true, true)]
        {
            let both = error(later).after(&error(earlier));
            assert_eq!((both.may_have_arrived(), both.was_sent_twice()), (either, false));
        }
        assert!(error(true).after(&error(true)).was_sent_twice());
    }
}
