//! What is told of a single client: its service, tags, tracer.

use std::sync::Arc;

use crate::text::Text;
use crate::tracer::{Tracer, tracer};

/// What is told of a single client, beside what holds for all clients of its kind: a service, tags, a tracer, and
/// whether it is traced at all.
///
/// Two databases of one kind are two services:
///
/// ```
/// use tracehound::integration::{Pin, Pinned};
///
/// // A client as an integration has it.
/// struct Connection { pin: Pin }
///
/// impl Pinned for Connection {
///     fn pin(&self) -> &Pin { &self.pin }
///     fn set_pin(&mut self, pin: Pin) { self.pin = pin; }
/// }
///
/// let mut users = Connection { pin: Pin::new() };
/// let images = Connection { pin: Pin::new() };
/// Pin::override_on(&mut users, |pin| pin.service("user-db").tag("db.cluster", "a"));
/// assert_eq!(Pin::of(&users).service(), Some("user-db"));
/// assert_eq!(Pin::of(&images).service(), None);
/// ```
///
/// It does not change: [`Pin::override_on`] puts another in its place. A client that is cloned has the pin of the first
/// until one of the two gets another. A clone costs a reference count.
///
/// The spans of a client begin with [`Integration::span`](crate::integration::Integration::span), which says what wins
/// over what.
#[derive(Clone, Debug, Default)]
pub struct Pin(Option<Arc<Parts>>);

#[derive(Clone, Debug)]
struct Parts {
    service: Option<Text>,
    tags: Vec<(Text, Text)>,
    tracer: Option<Tracer>,
    is_enabled: bool,
}

impl Parts {
    const NONE: Parts = Parts { service: None, tags: Vec::new(), tracer: None, is_enabled: true };
}

impl Pin {
    /// A pin that says nothing: the client is as all others of its kind.
    #[must_use]
    pub const fn new() -> Self {
        Pin(None)
    }

    /// Says something of a client; see [`PinBuilder`].
    pub fn builder() -> PinBuilder {
        PinBuilder { parts: Parts::NONE }
    }

    /// The pin of a client: `Pin.get_from` of Datadog's Python tracer.
    #[doc(alias = "get_from")]
    pub fn of<C: Pinned + ?Sized>(client: &C) -> &Pin {
        client.pin()
    }

    /// Changes what is told of a client; what is not named here stays. `Pin.override` of Datadog's Python tracer.
    #[doc(alias = "override")]
    pub fn override_on<C: Pinned + ?Sized>(
        client: &mut C,
        change: impl FnOnce(PinBuilder) -> PinBuilder,
    ) {
        let pin = change(client.pin().to_builder()).build();
        client.set_pin(pin);
    }

    /// Gives this pin to a client, in the place of the one that it has. `Pin::new().onto(&mut client)` takes everything
    /// back.
    pub fn onto<C: Pinned + ?Sized>(self, client: &mut C) {
        client.set_pin(self);
    }

    /// A builder that begins with what this pin says, for another pin that differs in something.
    #[doc(alias = "clone")]
    pub fn to_builder(&self) -> PinBuilder {
        PinBuilder { parts: self.0.as_deref().cloned().unwrap_or(Parts::NONE) }
    }

    /// The service, where the pin names one.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        self.service_text().map(Text::as_str)
    }

    pub(super) fn service_text(&self) -> Option<&Text> {
        self.0.as_ref()?.service.as_ref()
    }

    /// The tags of every span of the client, each key once.
    #[must_use]
    pub fn tags(&self) -> &[(Text, Text)] {
        self.0.as_ref().map_or(&[], |parts| &parts.tags)
    }

    /// Whether the pin has a tracer of its own.
    pub(super) fn has_own_tracer(&self) -> bool {
        self.0.as_ref().is_some_and(|parts| parts.tracer.is_some())
    }

    /// The tracer of the client's spans: the pin's, or the process's.
    #[must_use]
    pub fn tracer(&self) -> &Tracer {
        self.0.as_ref().and_then(|parts| parts.tracer.as_ref()).unwrap_or(tracer())
    }

    /// Whether spans of the client are made and sent: it is not switched off, and its tracer
    /// [sends](Tracer::is_enabled) what is made.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.is_switched_on() && self.tracer().is_enabled()
    }

    /// A tracer that does not send still makes spans, because contexts travel with them.
    #[inline]
    pub(super) fn is_switched_on(&self) -> bool {
        self.0.as_ref().is_none_or(|parts| parts.is_enabled)
    }
}

/// Says what a [`Pin`] is to be.
///
/// Made by [`Pin::builder`] and [`Pin::to_builder`]; of two calls of one setter the later one counts.
#[derive(Clone, Debug)]
#[must_use = "nothing happens before `build`"]
pub struct PinBuilder {
    parts: Parts,
}

impl PinBuilder {
    /// The service of the client's spans; an empty one takes it back.
    pub fn service(mut self, service: impl Into<Text>) -> Self {
        let service = service.into();
        let is_named = !service.as_str().trim().is_empty();
        self.parts.service = is_named.then(|| service.into_shared());
        self
    }

    /// A tag of every span of the client. One that the integration sets on a span of its own accord, with the same key,
    /// wins.
    pub fn tag(mut self, key: impl Into<Text>, value: impl Into<Text>) -> Self {
        let (key, value) = (key.into().into_shared(), value.into().into_shared());
        match self.parts.tags.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = value,
            None => self.parts.tags.push((key, value)),
        }
        self
    }

    /// Several tags.
    pub fn tags(self, tags: impl IntoIterator<Item = (impl Into<Text>, impl Into<Text>)>) -> Self {
        tags.into_iter().fold(self, |pin, (key, value)| pin.tag(key, value))
    }

    /// The tracer of the client's spans; default: the process's.
    pub fn tracer(mut self, tracer: Tracer) -> Self {
        self.parts.tracer = Some(tracer);
        self
    }

    /// Whether the client is traced; default: yes. One that is not passes everything through.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.parts.is_enabled = enabled;
        self
    }

    /// The pin.
    #[must_use]
    pub fn build(self) -> Pin {
        Pin(Some(Arc::new(self.parts)))
    }
}

/// A client that has a [`Pin`]: implemented by every client that an integration traces.
///
/// # For authors
///
/// The client keeps the pin in a field of its own, and hands it to
/// [`Integration::span`](crate::integration::Integration::span) for each span. A client that is cloned clones it; one
/// that makes others, as a pool makes connections, gives them its own.
pub trait Pinned {
    /// The pin of this client.
    fn pin(&self) -> &Pin;

    /// Puts another pin in its place, for spans that begin from now on.
    fn set_pin(&mut self, pin: Pin);

    /// The client with another pin, for the line that makes it; otherwise as [`Pin::override_on`].
    ///
    /// ```
    /// # use tracehound::integration::{Pin, Pinned};
    /// # #[derive(Default)] struct Connection { pin: Pin }
    /// # impl Pinned for Connection {
    /// #     fn pin(&self) -> &Pin { &self.pin }
    /// #     fn set_pin(&mut self, pin: Pin) { self.pin = pin; }
    /// # }
    /// let users = Connection::default().pinned(|pin| pin.service("user-db"));
    /// assert_eq!(users.pin().service(), Some("user-db"));
    /// ```
    #[must_use]
    fn pinned(mut self, change: impl FnOnce(PinBuilder) -> PinBuilder) -> Self
    where
        Self: Sized,
    {
        Pin::override_on(&mut self, change);
        self
    }
}
