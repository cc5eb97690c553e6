//! `GET /events`: the status whenever it changes, as server-sent events. The latest wins: a listener
//! that is slow misses what came in between, and keeps nobody waiting.

use super::{EVENT_PERIOD, Http, LISTENERS, answer, shown::Shown};
use crate::controller::Status;
use axum::{
    extract::State,
    http::StatusCode,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, stream};
use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::{Instant, sleep_until},
};

/// How soon a browser asks again when a stream has ended.
const RETRY: Duration = Duration::from_millis(500);
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// The latest status as text, made once for all listeners.
#[derive(Default)]
pub(super) struct Latest(Mutex<Option<(Arc<Status>, Arc<str>)>>);

impl Latest {
    fn text(&self, http: &Http, status: &Arc<Status>) -> Arc<str> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, text)) = &*kept
            && Arc::ptr_eq(of, status)
        {
            return Arc::clone(text);
        }
        let text: Arc<str> = match serde_json::to_string(&Shown::of(http, status)) {
            Ok(text) => text.into(),
            Err(error) => {
                tracing::error!(%error, "the status has no JSON");
                "{}".into()
            }
        };
        *kept = Some((Arc::clone(status), Arc::clone(&text)));
        text
    }
}

/// One listener.
struct Listener {
    http: Arc<Http>,
    status: watch::Receiver<Arc<Status>>,
    stopping: watch::Receiver<bool>,
    /// Not before this comes the next event.
    next: Instant,
    _place: OwnedSemaphorePermit,
}

impl Listener {
    /// The next event; `None` when the process stops.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let due = async {
            sleep_until(self.next).await;
            self.status.changed().await.is_ok()
        };
        let has_more = tokio::select! {
            has_more = due => has_more,
            _ = self.stopping.wait_for(|stopping| *stopping) => false,
        };
        if !has_more {
            return None;
        }
        let status = Arc::clone(&self.status.borrow_and_update());
        self.next = Instant::now() + EVENT_PERIOD;
        let event = Event::default().retry(RETRY).data(self.http.latest.text(&self.http, &status));
        Some((Ok(event), self))
    }
}

fn listen(listener: Listener) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(listener, Listener::next)
}

pub(super) async fn events(
    State(http): State<Arc<Http>>,
    stopping: watch::Receiver<bool>,
) -> Response {
    let Ok(place) = Arc::clone(&http.places).try_acquire_owned() else {
        let why = format!("{LISTENERS} listen already");
        return answer::refusal(StatusCode::SERVICE_UNAVAILABLE, &why, "a try later");
    };
    let mut status = http.status.clone();
    // The first event is what is known now.
    status.mark_changed();
    let next = Instant::now();
    let listener = Listener { http, status, stopping, next, _place: place };
    let alive = KeepAlive::new().interval(KEEP_ALIVE).text("alive");
    Sse::new(listen(listener)).keep_alive(alive).into_response()
}
