//! Why a request got no answer.

use std::error::Error;
use std::time::Duration;
use std::{fmt, io};

/// Why a request got no answer, in the classes that decide whether it is tried again.
///
/// `{}` is the class alone, `{:#}` adds the causes, for the one line that a user reads.
#[derive(Debug)]
pub(crate) enum SendError {
    /// No connection: nothing was sent, so trying again is always safe.
    Connect(io::Error),
    /// Connected, but no whole answer in time; the agent may have taken the request.
    Timeout(Duration),
    /// The connection broke, or what came over it was no HTTP answer, or had an endless head; the agent may
    /// have taken the request.
    Broken(hyper::Error),
    /// The body of the answer exceeds what is read of one; never the error of a whole request.
    TooLarge,
    /// Not a request that HTTP can carry. Never sent, and trying again cannot help.
    Invalid(hyper::http::Error),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Connect(_) => f.write_str("cannot connect to the agent")?,
            SendError::Timeout(time) => write!(f, "no answer from the agent within {time:?}")?,
            SendError::Broken(_) => f.write_str("the exchange with the agent broke off")?,
            SendError::TooLarge => f.write_str("the agent's answer is too large")?,
            SendError::Invalid(_) => f.write_str("the request cannot be sent")?,
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
        match self {
            SendError::Connect(error) => Some(error),
            SendError::Broken(error) => Some(error),
            SendError::Invalid(error) => Some(error),
            SendError::Timeout(_) | SendError::TooLarge => None,
        }
    }
}

impl From<hyper::Error> for SendError {
    fn from(error: hyper::Error) -> Self {
        SendError::Broken(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_form_names_the_cause() {
        let error = SendError::Connect(io::Error::other("refused"));
        assert_eq!(error.to_string(), "cannot connect to the agent");
        assert_eq!(format!("{error:#}"), "cannot connect to the agent: refused");
        let error = SendError::Timeout(Duration::from_secs(2));
        assert_eq!(format!("{error:#}"), "no answer from the agent within 2s");
    }
}
