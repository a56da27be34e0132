//! What becomes of the query of a URL.

use std::borrow::Cow;
use std::sync::Arc;

use regex::bytes::{NoExpand, Regex};

use super::expression;
use crate::config::{QueryObfuscation, expression as compile};
use crate::text::Text;

/// What stands for a secret.
const REDACTED: &[u8] = b"<redacted>";

/// What is left of a query.
#[derive(Clone, Debug)]
pub(super) enum Query {
    LeftOut,
    /// The parameters of these names, as they are.
    Only(Arc<[Text]>),
    Whole,
    /// What looks like a secret to the default expression is replaced.
    Default(Regex),
    /// What matches an expression of the user is replaced.
    Without(Regex),
}

impl Query {
    pub(super) fn obfuscated(obfuscation: &QueryObfuscation) -> Self {
        let query = match obfuscation {
            QueryObfuscation::Default => expression::default().map(Query::Default),
            QueryObfuscation::Expression(text) => compile(text).ok().map(Query::Without),
            QueryObfuscation::Off => Some(Query::Whole),
            QueryObfuscation::LeaveOut => None,
        };
        query.unwrap_or(Query::LeftOut)
    }

    /// What is left of a query; `None` of all of it. `is_cut` where more has followed.
    pub(super) fn of<'a>(&self, query: &'a str, is_cut: bool) -> Option<Cow<'a, str>> {
        // A secret that was cut could not be recognized, so the last parameter goes.
        let query = if is_cut { query.rsplit_once('&')?.0 } else { query };
        match self {
            Query::LeftOut => None,
            Query::Whole => Some(query.into()),
            Query::Only(names) => only(query, names),
            Query::Default(secrets) if expression::may_match(query) => {
                Some(without(query, secrets))
            }
            Query::Default(_) => Some(query.into()),
            Query::Without(secrets) => Some(without(query, secrets)),
        }
    }
}

/// The parameters of these names, as they are; `None` where there are none.
fn only<'a>(query: &'a str, names: &[Text]) -> Option<Cow<'a, str>> {
    let is_wanted = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        names.iter().any(|known| *known == *name)
    };
    let mut pairs = query.split('&').filter(is_wanted);
    let mut kept = Cow::Borrowed(pairs.next()?);
    for pair in pairs {
        let kept = kept.to_mut();
        kept.push('&');
        kept.push_str(pair);
    }
    Some(kept)
}

fn without<'a>(query: &'a str, secrets: &Regex) -> Cow<'a, str> {
    match secrets.replace_all(query.as_bytes(), NoExpand(REDACTED)) {
        Cow::Borrowed(_) => query.into(),
        // An expression of the user may match a part of a character.
        Cow::Owned(bytes) => match String::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned().into(),
        },
    }
}
