//! Carriers: what a context is written into and read from.

/// Something that takes names and values: headers, the properties of a message, a form.
///
/// Implemented for maps and vectors of `String`, and for `http::HeaderMap` (feature `http`). Implement it
/// for a type of your own to make that a carrier:
///
/// ```
/// use opentracing_rs::{Format, TextMapWriter, Tracer};
///
/// #[derive(Default)]
/// struct Message { properties: Vec<(String, String)>, body: Vec<u8> }
///
/// impl TextMapWriter for Message {
///     fn set(&mut self, key: &str, value: &str) {
///         self.properties.set(key, value);
///     }
/// }
///
/// let tracer = Tracer::noop();
/// let span = tracer.start_span("send");
/// let mut message = Message::default();
/// tracer.inject(&span.context(), Format::TextMap, &mut message)?;
/// # Ok::<(), opentracing_rs::Error>(())
/// ```
pub trait TextMapWriter {
    /// Sets a value, in the place of one whose name differs only in case.
    ///
    /// What the carrier cannot hold, such as a name with a space in HTTP, is left out.
    fn set(&mut self, key: &str, value: &str);
}

/// Something that names and values are read from.
///
/// Implemented for maps, slices, arrays and vectors of text, and for `http::HeaderMap` (feature `http`).
/// Implement it for a type of your own to make that a carrier:
///
/// ```
/// use opentracing_rs::{Format, TextMapReader, Tracer};
///
/// struct Message { properties: Vec<(String, String)>, body: Vec<u8> }
///
/// impl TextMapReader for Message {
///     fn for_each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str)) {
///         self.properties.for_each(visit);
///     }
/// }
///
/// let message = Message { properties: Vec::new(), body: Vec::new() };
/// assert!(Tracer::noop().extract(Format::TextMap, &message)?.is_none());
/// # Ok::<(), opentracing_rs::Error>(())
/// ```
pub trait TextMapReader {
    /// Shows every name and value, a repeated one as often as it is there. Names may have any case.
    fn for_each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str));

    /// The first value of a name, in any case.
    fn get<'a>(&'a self, key: &str) -> Option<&'a str> {
        let mut found = None;
        self.for_each(&mut |name, value| {
            if found.is_none() && name.eq_ignore_ascii_case(key) {
                found = Some(value);
            }
        });
        found
    }
}

/// What [`Tracer::inject`](crate::Tracer::inject) writes into: text, bytes, or both.
///
/// Everything that is a [`TextMapWriter`] is one; so is `Vec<u8>`, for bytes. Implement it directly only
/// for a carrier of bytes of your own.
pub trait InjectCarrier {
    /// The side that takes names and values, for [`Format::TextMap`](crate::Format::TextMap) and
    /// [`Format::HttpHeaders`](crate::Format::HttpHeaders).
    fn text_map(&mut self) -> Option<&mut dyn TextMapWriter> {
        None
    }

    /// The side that takes bytes, for [`Format::Binary`](crate::Format::Binary). They are appended.
    fn bytes(&mut self) -> Option<&mut Vec<u8>> {
        None
    }
}

/// What [`Tracer::extract`](crate::Tracer::extract) reads from: text, bytes, or both.
///
/// Everything that is a [`TextMapReader`] is one; so are `[u8; N]` and `Vec<u8>`, and `&[u8]` for a part of
/// a buffer (then give `&slice`). Implement it directly only for a carrier of bytes of your own.
pub trait ExtractCarrier {
    /// The side that has names and values, for [`Format::TextMap`](crate::Format::TextMap) and
    /// [`Format::HttpHeaders`](crate::Format::HttpHeaders).
    fn text_map(&self) -> Option<&dyn TextMapReader> {
        None
    }

    /// The side that has bytes, for [`Format::Binary`](crate::Format::Binary): the context and nothing else.
    fn bytes(&self) -> Option<&[u8]> {
        None
    }
}

// ===== which types are carriers =====

impl<T: TextMapWriter> InjectCarrier for T {
    fn text_map(&mut self) -> Option<&mut dyn TextMapWriter> {
        Some(self)
    }
}

impl<T: TextMapReader> ExtractCarrier for T {
    fn text_map(&self) -> Option<&dyn TextMapReader> {
        Some(self)
    }
}

impl InjectCarrier for Vec<u8> {
    fn bytes(&mut self) -> Option<&mut Vec<u8>> {
        Some(self)
    }
}

impl ExtractCarrier for Vec<u8> {
    fn bytes(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl ExtractCarrier for &[u8] {
    fn bytes(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl<const N: usize> ExtractCarrier for [u8; N] {
    fn bytes(&self) -> Option<&[u8]> {
        Some(self)
    }
}
