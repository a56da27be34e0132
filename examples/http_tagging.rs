//! What do spans of HTTP requests say, and what do they keep to themselves?
//!
//! A server and its client, both on bare hyper, as an integration would trace them: one `Tagging` for each side, and a
//! call when a request begins and when it was answered. The URL has a password and a token in it; neither is in the trace.
//!
//! `cargo run --example http_tagging` needs no agent: the tags of each span are printed at the end.

mod support;

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use support::{Agent, say};
use tokio::net::{TcpListener, TcpStream};
use tracehound::http::{RequestInfo, ResponseInfo, Tagging};
use tracehound::naming::Operation;
use tracehound::{FutureExt, Tracer};

type AnyError = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), AnyError> {
    let agent = Agent::start()?;
    // The same can be said by DD_TRACE_HEADER_TAGS, DD_TRACE_CLIENT_IP_ENABLED and so on.
    let config = tracehound::config::Config::builder()
        .header_tags(["x-shop-plan:plan", "content-type"])
        .client_ip(true)
        .http_endpoint(true)
        .peer_service_defaults(true);
    let tracer = Tracer::builder().config(config).service("shop");
    let guard = agent.receive_from(tracer).install();

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let address = start_server().await?;
        let client = Tagging::of(tracehound::tracer()).component("hyper");
        for path in ["/orders/42?page=2&token=0123456789abcdef", "/wp-admin/setup.php"] {
            get(&client, address, path).await?;
        }
        Ok::<_, AnyError>(())
    })?;

    guard.tracer().flush(Duration::from_secs(5))?;
    for trace in agent.traces(4) {
        for span in trace.spans() {
            say(&format!("\n{} {}, {}", span.service, span.name, span.resource));
            for (key, value) in &span.meta {
                if !key.starts_with("_dd.p.") {
                    say(&format!("  {key}: {value}"));
                }
            }
        }
    }
    agent.say_where();
    Ok(())
}

// ===== the client =====

async fn get(tagging: &Tagging, address: SocketAddr, path: &str) -> Result<(), AnyError> {
    let url = format!("http://me:password@{address}{path}");
    let name = tagging.naming().operation("http.request", Operation::Client { protocol: "http" });
    let span = tracehound::span(name).start();
    let handle = span.handle();
    tagging.client_request(&handle, &RequestInfo::new("GET", &url));

    async move {
        match send(address, path).await {
            Ok(response) => {
                let info = ResponseInfo::new(response.status().as_u16());
                tagging.client_response(&handle, Some(&info.headers(response.headers())));
                Ok(())
            }
            Err(error) => {
                handle.set_error(&*error);
                tagging.client_response(&handle, None);
                Err(error)
            }
        }
    }
    .in_span(span)
    .await
}

async fn send(address: SocketAddr, path: &str) -> Result<Response<Incoming>, AnyError> {
    let mut request = Request::get(path)
        .header("host", address.to_string())
        .header("user-agent", "shop-client/1.0")
        .header("x-shop-plan", "gold")
        .header("x-forwarded-for", "8.8.8.8, 10.0.0.1")
        .body(Empty::<Bytes>::new())?;
    // The trace goes on on the other side.
    tracehound::inject(request.headers_mut());
    let stream = TokioIo::new(TcpStream::connect(address).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?)
}

// ===== the server =====

async fn start_server() -> Result<SocketAddr, AnyError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let tagging = Arc::new(Tagging::of(tracehound::tracer()).component("hyper"));
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let tagging = Arc::clone(&tagging);
            let service = hyper::service::service_fn(move |request| {
                let tagging = Arc::clone(&tagging);
                async move { Ok::<_, Infallible>(serve(&tagging, peer, request).await) }
            });
            let server = hyper::server::conn::http1::Builder::new();
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    });
    Ok(address)
}

async fn serve(
    tagging: &Tagging,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let name = tagging.naming().operation("web.request", Operation::Server { protocol: "http" });
    let span = tracehound::span(name)
        .service("orders")
        .child_of(tracehound::extract(request.headers()))
        .start();
    let info = RequestInfo::of(request.method(), request.uri(), request.headers());
    let tags = tagging.server_request(&span, &info.peer(peer.ip()));

    // A router would say which route it has found.
    let (status, route) = match request.uri().path().strip_prefix("/orders/") {
        Some(_) => (StatusCode::OK, Some("/orders/{id}")),
        None => (StatusCode::NOT_FOUND, None),
    };
    let mut response = Response::new(Full::new("an order".into()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert("content-type", hyper::header::HeaderValue::from_static("text/plain"));

    let mut info = ResponseInfo::new(status.as_u16()).headers(response.headers());
    if let Some(route) = route {
        info = info.route(route);
    }
    tagging.server_response(&span, tags, Some(&info));
    response
}
