//! Accepts connections and serves one request on each. None waits for another: what is too much is
//! closed at once, and what is slow ends by time.

use super::CONNECTIONS;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{pin::pin, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

const HEADER_TIME: Duration = Duration::from_secs(5);
/// No connection lasts longer; listeners of events connect again by themselves.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// How long answers may take to end when the process stops.
const LAST: Duration = Duration::from_secs(2);

/// Serves until `stopped` is done; tells by `stop` that it is.
pub(super) async fn listen(
    listener: TcpListener,
    router: Router,
    stop: &watch::Sender<bool>,
    stopped: impl Future<Output = ()>,
) {
    let mut stopped = pin!(stopped);
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = &mut stopped => break,
            Some(_) = open.join_next(), if !open.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((_, from)) if open.len() >= CONNECTIONS => {
                tracing::warn!(%from, "{CONNECTIONS} connections are open; one more is closed");
            }
            Ok((socket, _)) => {
                open.spawn(connection(socket, router.clone(), stop.subscribe()));
            }
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    stop.send_replace(true);
    let ended = async { while open.join_next().await.is_some() {} };
    // Whatever is open yet is cut when the set is dropped.
    let _late = timeout(LAST, ended).await;
}

async fn connection(socket: TcpStream, router: Router, mut stopping: watch::Receiver<bool>) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "a connection was gone at once");
        return;
    }
    let mut served = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIME)
            .keep_alive(false)
            .serve_connection(TokioIo::new(socket), TowerToHyperService::new(router))
    );
    let whole = async {
        tokio::select! {
            ended = &mut served => return ended,
            _ = stopping.wait_for(|stopping| *stopping) => served.as_mut().graceful_shutdown(),
        }
        served.await
    };
    match timeout(LONGEST, whole).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection broke"),
        Err(_) => tracing::debug!("a connection lasted too long"),
    }
}
