//! The admin port: `/metrics`, `/livez`, `/readyz`. Ready means that the listeners accept; a gateway
//! without a grant is ready, since clients are held better than refused.

use crate::{gate::Gate, metrics::Metrics};
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::Semaphore};

/// Requests at a time.
const AT_A_TIME: usize = 32;
const HEADER_TIME: Duration = Duration::from_secs(5);

/// What the admin port tells of.
#[derive(Debug)]
pub struct Admin {
    /// What was counted.
    pub metrics: Arc<Metrics>,
    /// The grant.
    pub gate: Arc<Gate>,
    /// The gateway stops: no new connections.
    pub stopping: tokio::sync::watch::Receiver<bool>,
}

impl Admin {
    /// Serves until it is dropped.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(AT_A_TIME));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let Ok((socket, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let admin = Arc::clone(&self);
            tokio::spawn(async move {
                let service = service_fn(|request| {
                    let answer = admin.answer(&request);
                    async move { Ok::<_, Infallible>(answer) }
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEADER_TIME)
                    .keep_alive(false)
                    .serve_connection(TokioIo::new(socket), service);
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a request at the admin port failed");
                }
                drop(place);
            });
        }
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return text(StatusCode::METHOD_NOT_ALLOWED, "GET is expected\n".to_owned());
        }
        match request.uri().path() {
            "/livez" => text(StatusCode::OK, "OK\n".to_owned()),
            "/readyz" if *self.stopping.borrow() => {
                text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned())
            }
            "/readyz" => text(StatusCode::OK, "OK\n".to_owned()),
            "/metrics" => {
                let mut response = text(StatusCode::OK, self.metrics.text(&self.gate));
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                response
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
                response
            }
            _ => text(StatusCode::NOT_FOUND, "/metrics, /livez, /readyz\n".to_owned()),
        }
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
}
