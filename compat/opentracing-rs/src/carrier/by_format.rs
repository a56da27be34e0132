//! A carrier together with the format: checked once, so that a tracer sees only pairs that fit.

use std::fmt;

use super::carrier::{ExtractCarrier, InjectCarrier, TextMapReader, TextMapWriter};
use super::error::Error;
use super::format::Format;

/// A format with the side of a carrier that it writes to.
pub enum InjectInto<'a> {
    /// [`Format::TextMap`].
    TextMap(&'a mut dyn TextMapWriter),
    /// [`Format::HttpHeaders`].
    HttpHeaders(&'a mut dyn TextMapWriter),
    /// [`Format::Binary`]: to be appended.
    Binary(&'a mut Vec<u8>),
    /// [`Format::Custom`], with the carrier unchecked.
    Custom(&'static str, &'a mut dyn InjectCarrier),
}

/// A format with the side of a carrier that it reads from.
pub enum ExtractFrom<'a> {
    /// [`Format::TextMap`].
    TextMap(&'a dyn TextMapReader),
    /// [`Format::HttpHeaders`].
    HttpHeaders(&'a dyn TextMapReader),
    /// [`Format::Binary`].
    Binary(&'a [u8]),
    /// [`Format::Custom`], with the carrier unchecked.
    Custom(&'static str, &'a dyn ExtractCarrier),
}

impl<'a> InjectInto<'a> {
    pub(crate) fn new(format: Format, carrier: &'a mut dyn InjectCarrier) -> Result<Self, Error> {
        match format {
            Format::TextMap => carrier.text_map().map(InjectInto::TextMap),
            Format::HttpHeaders => carrier.text_map().map(InjectInto::HttpHeaders),
            Format::Binary => carrier.bytes().map(InjectInto::Binary),
            Format::Custom(name) => Some(InjectInto::Custom(name, carrier)),
        }
        .ok_or_else(|| Error::invalid_carrier(format))
    }

    /// The format.
    #[must_use]
    pub fn format(&self) -> Format {
        match self {
            InjectInto::TextMap(_) => Format::TextMap,
            InjectInto::HttpHeaders(_) => Format::HttpHeaders,
            InjectInto::Binary(_) => Format::Binary,
            InjectInto::Custom(name, _) => Format::Custom(name),
        }
    }
}

impl<'a> ExtractFrom<'a> {
    pub(crate) fn new(format: Format, carrier: &'a dyn ExtractCarrier) -> Result<Self, Error> {
        match format {
            Format::TextMap => carrier.text_map().map(ExtractFrom::TextMap),
            Format::HttpHeaders => carrier.text_map().map(ExtractFrom::HttpHeaders),
            Format::Binary => carrier.bytes().map(ExtractFrom::Binary),
            Format::Custom(name) => Some(ExtractFrom::Custom(name, carrier)),
        }
        .ok_or_else(|| Error::invalid_carrier(format))
    }

    /// The format.
    #[must_use]
    pub fn format(&self) -> Format {
        match self {
            ExtractFrom::TextMap(_) => Format::TextMap,
            ExtractFrom::HttpHeaders(_) => Format::HttpHeaders,
            ExtractFrom::Binary(_) => Format::Binary,
            ExtractFrom::Custom(name, _) => Format::Custom(name),
        }
    }
}

impl fmt::Debug for InjectInto<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InjectInto").field(&self.format()).finish()
    }
}

impl fmt::Debug for ExtractFrom<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExtractFrom").field(&self.format()).finish()
    }
}
