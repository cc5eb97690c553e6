//! `GET /v1/journal`: the file of the journal that is written now, whole, so that it can be decided
//! again; or its last lines, to look at. It is sent in pieces and never held in memory whole.

use super::{Http, answer};
use axum::{
    body::{Body, Bytes},
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use futures::stream;
use serde::Deserialize;
use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::PathBuf,
    sync::Arc,
};
use tokio::task::spawn_blocking;

/// Bytes of a piece.
const PIECE: usize = 64 << 10;
/// The bytes at the end of the file in which last lines are looked for.
const END: u64 = 8 << 20;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    lines: Option<usize>,
}

pub(super) async fn journal(
    State(http): State<Arc<Http>>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = match asked {
        Ok(Query(asked)) => asked,
        Err(error) => {
            let expected = "nothing, or ?lines=N";
            return answer::refusal(StatusCode::BAD_REQUEST, &error.body_text(), expected);
        }
    };
    let Some(path) = http.site.journal.clone() else {
        let why = "this controller writes no journal";
        return answer::refusal(StatusCode::NOT_FOUND, why, "a controller with --journal");
    };
    let opened = spawn_blocking(move || open(&path, asked.lines)).await;
    match opened.map_err(io::Error::from).flatten() {
        Ok(file) => in_pieces(file),
        Err(error) => {
            let why = format!("the journal cannot be read: {error}");
            answer::refusal(StatusCode::INTERNAL_SERVER_ERROR, &why, "a file")
        }
    }
}

/// The file from where it is to be read, and how much of it: what is written later is not of it.
fn open(path: &PathBuf, lines: Option<usize>) -> io::Result<io::Take<File>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut from = 0;
    if let Some(lines) = lines {
        let begin = length.saturating_sub(END);
        let mut end = Vec::new();
        file.seek(SeekFrom::Start(begin))?;
        (&file).take(END).read_to_end(&mut end)?;
        let mut breaks = end.iter().enumerate().filter(|(_, byte)| **byte == b'\n').rev();
        // The last line ends with a break, too.
        let before = breaks.nth(lines);
        let after_break = before.map_or(0, |(index, _)| index as u64 + 1);
        from = begin + after_break;
    }
    file.seek(SeekFrom::Start(from))?;
    Ok(file.take(length - from))
}

fn in_pieces(file: io::Take<File>) -> Response {
    let pieces = stream::try_unfold(file, async |mut file| {
        let read = spawn_blocking(move || {
            let mut piece = vec![0; PIECE];
            let count = file.read(&mut piece)?;
            piece.truncate(count);
            io::Result::Ok((piece, file))
        });
        let (piece, file) = read.await.map_err(io::Error::from).flatten()?;
        io::Result::Ok((!piece.is_empty()).then(|| (Bytes::from(piece), file)))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let kind = HeaderValue::from_static("application/jsonl");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
