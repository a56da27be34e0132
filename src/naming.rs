//! What operations and services of integrations are called: the one place where such names are made.
//!
//! `DD_TRACE_SPAN_ATTRIBUTE_SCHEMA` chooses between two schemas. In `v0` each integration has names of its own, which it
//! says; in `v1` they follow from the protocol, the same for all of them. The names of OpenTelemetry's spans are those of
//! `v1`.
//!
//! ```
//! use tracehound::config::{Config, NamingSchema};
//! use tracehound::naming::{Naming, Operation};
//!
//! let v0 = Naming::of(&Config::builder().build());
//! let v1 = Naming::of(&Config::builder().naming_schema(NamingSchema::V1).build());
//! let query = Operation::Database { system: "postgresql" };
//! assert_eq!(&*v0.operation("postgres.query", query), "postgres.query");
//! assert_eq!(&*v1.operation("postgres.query", query), "postgresql.query");
//! assert_eq!(v0.service("postgres").as_deref(), Some("postgres"));
//! assert_eq!(v1.service("postgres"), None);
//! ```

use std::borrow::Cow;

use crate::config::{Config, NamingSchema};
use crate::text::Text;

/// What an integration does, of which its name in `v1` follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation<'a> {
    /// Answers a request: `<protocol>.server.request`.
    Server {
        /// `http`, `grpc`, ...
        protocol: &'a str,
    },
    /// Sends a request: `<protocol>.client.request`.
    Client {
        /// `http`, `grpc`, ...
        protocol: &'a str,
    },
    /// Asks a database: `<system>.query`.
    Database {
        /// `postgresql`, `mysql`, ...
        system: &'a str,
    },
    /// Asks a cache: `<system>.command`.
    Cache {
        /// `redis`, `memcached`, ...
        system: &'a str,
    },
    /// Sends or takes a message: `<system>.<action>`.
    Messaging {
        /// `kafka`, `amqp`, ...
        system: &'a str,
        /// `send`, `receive` or `process`.
        action: &'a str,
    },
    /// Asks a service of a cloud: `<cloud>.<service>.request`.
    CloudRequest {
        /// `aws`, `gcp`, `azure`.
        cloud: &'a str,
        /// `s3`, `dynamodb`, ...
        service: &'a str,
    },
    /// Sends or takes a message by a service of a cloud: `<cloud>.<service>.<action>`.
    CloudMessaging {
        /// `aws`, `gcp`, `azure`.
        cloud: &'a str,
        /// `sqs`, `pubsub`, ...
        service: &'a str,
        /// `send`, `receive` or `process`.
        action: &'a str,
    },
    /// Calls a function of a cloud: `<cloud>.<service>.invoke`.
    CloudFunction {
        /// `aws`, `gcp`, `azure`.
        cloud: &'a str,
        /// `lambda`, or the name of the function.
        service: &'a str,
    },
    /// Answers a query in GraphQL: `graphql.server.request`.
    GraphQl,
}

impl Operation<'_> {
    /// The name in `v1`. Those of HTTP and GraphQL are literals.
    #[must_use]
    pub fn name(&self) -> Cow<'static, str> {
        match *self {
            Operation::Server { protocol: "http" } => "http.server.request".into(),
            Operation::Client { protocol: "http" } => "http.client.request".into(),
            Operation::GraphQl => "graphql.server.request".into(),
            Operation::Server { protocol } => format!("{protocol}.server.request").into(),
            Operation::Client { protocol } => format!("{protocol}.client.request").into(),
            Operation::Database { system } => format!("{system}.query").into(),
            Operation::Cache { system } => format!("{system}.command").into(),
            Operation::Messaging { system, action } => format!("{system}.{action}").into(),
            Operation::CloudRequest { cloud, service } => {
                format!("{cloud}.{service}.request").into()
            }
            Operation::CloudMessaging { cloud, service, action } => {
                format!("{cloud}.{service}.{action}").into()
            }
            Operation::CloudFunction { cloud, service } => {
                format!("{cloud}.{service}.invoke").into()
            }
        }
    }
}

/// Names by the schema of a tracer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Naming {
    schema: NamingSchema,
    /// Integrations have no service of their own.
    is_service_shared: bool,
}

impl Naming {
    /// By these settings: `DD_TRACE_SPAN_ATTRIBUTE_SCHEMA`, and `DD_TRACE_REMOVE_INTEGRATION_SERVICE_NAMES_ENABLED`.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let schema = config.naming_schema();
        let is_v1 = schema == NamingSchema::V1;
        let is_service_shared = is_v1 || config.remove_integration_service_names();
        Naming { schema, is_service_shared }
    }

    /// The name of an operation: in `v0` the integration's own.
    #[must_use]
    pub fn operation(&self, v0: impl Into<Text>, operation: Operation<'_>) -> Text {
        match self.schema {
            NamingSchema::V1 => match operation.name() {
                Cow::Borrowed(name) => Text::literal(name),
                Cow::Owned(name) => name.into(),
            },
            _ => v0.into(),
        }
    }

    /// The service of a client's spans: in `v0` the integration's own, such as `postgres`; in `v1`, and where integrations
    /// have none of their own, none, so that it is the one of the tracer.
    #[must_use]
    pub fn service(&self, v0: impl Into<Text>) -> Option<Text> {
        (!self.is_service_shared).then(|| v0.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_v1_follow_from_the_protocol() {
        use Operation::{
            Cache, Client, CloudFunction, CloudMessaging, CloudRequest, Database, GraphQl,
            Messaging, Server,
        };
        let (cloud, action) = ("aws", "send");
        for (operation, name) in [
            (Server { protocol: "http" }, "http.server.request"),
            (Server { protocol: "grpc" }, "grpc.server.request"),
            (Client { protocol: "http" }, "http.client.request"),
            (Client { protocol: "grpc" }, "grpc.client.request"),
            (Database { system: "mysql" }, "mysql.query"),
            (Cache { system: "redis" }, "redis.command"),
            (Messaging { system: "kafka", action }, "kafka.send"),
            (CloudRequest { cloud, service: "s3" }, "aws.s3.request"),
            (CloudMessaging { cloud, service: "sqs", action }, "aws.sqs.send"),
            (CloudFunction { cloud, service: "lambda" }, "aws.lambda.invoke"),
            (GraphQl, "graphql.server.request"),
        ] {
            assert_eq!(operation.name(), name);
        }
    }
}
