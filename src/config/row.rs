//! The macros that turn the rows of the table into code. To add a setting, read the top of `table.rs` instead.

/// Makes of each row a [`Key`](super::key::Key), a field of [`Given`](super::table::Given) and of
/// [`Settings`](super::table::Settings), a setter and a getter.
///
/// Setters and getters come out as macros without arguments, which the `impl` blocks of `ConfigBuilder`, `Config` and
/// `TracerBuilder` call: so each type has one `impl` block, and the table imports none of them.
macro_rules! settings {
    ($(
        $(#[doc = $page:literal])+
        $name:ident as $field:ident: $type:ty = $key:expr => { $($access:tt)* }
    )+) => {
        $(
            pub(super) static $name: Key<$type> = Key {
                name: stringify!($name),
                setter: setter_name!($field: $($access)*),
                doc: concat!($($page),+),
                ..$key
            };
        )+

        /// Values given in code.
        #[derive(Clone, Default)]
        pub(super) struct Given {
            $(pub(super) $field: Option<$type>,)+
        }

        impl Given {
            /// These, and others where there are none.
            pub(super) fn or(self, others: Given) -> Given {
                Given { $($field: self.$field.or(others.$field),)+ }
            }
        }

        /// The values, each with its origin.
        #[derive(Clone)]
        pub(super) struct Settings {
            $(pub(super) $field: Setting<$type>,)+
        }

        impl Settings {
            pub(super) fn resolve(given: Given, resolver: &mut Resolver<'_>) -> Self {
                Settings { $($field: resolver.resolve(&$name, given.$field),)+ }
            }
        }

        /// The variables by their first names, in order.
        pub(super) static NAMES: &[&str] = &[$(stringify!($name),)+];

        /// Whether a variable gives a setting, by its first name or another one.
        pub(super) fn is_read(variable: &str) -> bool {
            false $(|| $name.reads(variable))+
        }

        #[cfg(test)]
        pub(super) fn rows() -> Vec<crate::config::key::Row> {
            vec![$($name.row(),)+]
        }

        macro_rules! setters {
            () => { $($crate::config::row::setter! { $field: $($access)* })+ };
        }
        pub(super) use setters;

        macro_rules! getters {
            () => { $($crate::config::row::getter! { $field: $($access)* })+ };
        }
        pub(super) use getters;

        macro_rules! tracer_setters {
            () => { $($crate::config::tracer_setter! { $field: $($access)* })+ };
        }
        pub(crate) use tracer_setters;
    };
}

/// The name of the setter, for problems with a value from code: that of the row, one written by hand, or none.
macro_rules! setter_name {
    ($field:ident: $(#[$doc:meta])+ set($($argument:tt)+) $($rest:tt)+) => {
        Some(stringify!($field))
    };
    ($field:ident: set by $setter:ident; $($rest:tt)*) => {
        Some(stringify!($setter))
    };
    ($($none:tt)*) => {
        None
    };
}

/// The setter of a row in `ConfigBuilder`, if it has one.
macro_rules! setter {
    (
        $field:ident: $(#[$doc:meta])+
        set($argument:ident: $type:ty) = $given:expr $(, on TracerBuilder)?; $($rest:tt)*
    ) => {
        $(#[$doc])+
        pub fn $field(mut self, $argument: $type) -> Self {
            self.given.$field = Some($given);
            self
        }
    };
    ($($none:tt)*) => {};
}

/// The setter of a row in `TracerBuilder`, where the row asks for one.
macro_rules! tracer_setter {
    (
        $field:ident: $(#[$doc:meta])+
        set($argument:ident: $type:ty) = $given:expr, on TracerBuilder; $($rest:tt)*
    ) => {
        $(#[$doc])+
        pub fn $field(mut self, $argument: $type) -> Self {
            self.config = self.config.$field($argument);
            self
        }
    };
    ($($none:tt)*) => {};
}

/// The getter of a row in `Config`, if it has one.
macro_rules! getter {
    ($field:ident: $(#[$doc:meta])+ set($($argument:tt)+) = $given:expr $(, on $tracer:ident)?; $($rest:tt)*) => {
        $crate::config::row::getter! { $field: $($rest)* }
    };
    ($field:ident: set by $setter:ident; $($rest:tt)*) => {
        $crate::config::row::getter! { $field: $($rest)* }
    };
    ($field:ident: $(#[$doc:meta])+ get($value:ident) -> $type:ty = $get:expr;) => {
        $(#[$doc])+
        #[must_use]
        pub fn $field(&self) -> $type {
            let $value = &self.settings.$field.value;
            $get
        }
    };
    ($field:ident:) => {};
}

pub(crate) use tracer_setter;
pub(super) use {getter, setter, setter_name, settings};
