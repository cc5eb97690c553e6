//! Moves bytes between the two sockets of a session, as its machine says: one future for both
//! directions, and no byte of or for an instance but within a permit.

use super::{buffer::Half, lane::Lane, stream::Stream};
use crate::{clock::Clock, metrics::PortMetrics, session::Session};
use ha_core::leadership::Millis;
use std::{
    io,
    task::{Context, Poll},
};
use zeroize::Zeroize;

/// A client that does not read its answers is not asked for more.
const OWN_WORDS: usize = 16 << 10;
/// Bytes that are counted together.
const COUNTED: u64 = 16 << 10;

/// Why the pump stopped.
#[derive(Debug)]
pub(super) enum Pumped {
    /// The session has orders, wants something, or has ended.
    News,
    /// Bytes could not pass for want of a grant.
    Blocked,
    /// The client's connection broke.
    ClientBroke(io::Error),
}

/// Both sides of a session.
#[derive(Debug)]
pub(super) struct Pump {
    pub(super) session: Session,
    pub(super) client: Stream,
    pub(super) server: Option<Stream>,
    pub(super) up: Half,
    pub(super) down: Half,
    /// How much of the gateway's own words was written.
    own_at: usize,
    own_needs_flush: bool,
    /// What was written since it was counted: to the client, to the instance.
    pub(super) wrote: (u64, u64),
    /// Since when a write makes no progress.
    pub(super) stalled_since: Option<Millis>,
    /// When a byte came last from either side.
    pub(super) moved_at: Millis,
    /// The instance takes no more bytes; what it says last is still read.
    up_broke: bool,
    /// The instance is to be told that no more bytes come.
    pub(super) shuts_down: bool,
    /// What the session wants is under way already.
    pub(super) is_served: bool,
    /// The session ends as soon as nothing is open.
    pub(super) is_leaving: bool,
    /// The deadline that somebody minds.
    pub(super) minded: Option<Millis>,
}

type Step = Result<bool, Pumped>;

impl Pump {
    pub(super) const fn new(session: Session, client: Stream, size: usize, now: Millis) -> Self {
        Self {
            session,
            client,
            server: None,
            up: Half::new(size),
            down: Half::new(size),
            own_at: 0,
            own_needs_flush: false,
            wrote: (0, 0),
            stalled_since: None,
            moved_at: now,
            up_broke: false,
            shuts_down: false,
            is_served: false,
            is_leaving: false,
            minded: None,
        }
    }

    /// Moves what can be moved.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        lane: &mut Lane,
        clock: &Clock,
        metrics: &PortMetrics,
    ) -> Poll<Pumped> {
        let now = clock.monotonic();
        loop {
            let moved = self.poll_both(cx, lane, now);
            lane.set_busy(self.is_busy());
            self.is_served &= self.wants_task();
            match moved {
                Err(pumped) => return Poll::Ready(pumped),
                Ok(_) if self.has_news() => return Poll::Ready(Pumped::News),
                Ok(true) => {
                    self.stalled_since = None;
                    self.moved_at = now;
                }
                Ok(false) => break,
            }
        }
        if self.wrote.0 + self.wrote.1 >= COUNTED {
            self.count(metrics);
        }
        if self.is_stalled() {
            self.stalled_since.get_or_insert(now);
        }
        self.up.rest();
        self.down.rest();
        if self.due() == self.minded { Poll::Pending } else { Poll::Ready(Pumped::News) }
    }

    /// When something is due that the machine or a stalled write waits for: in the case of the
    /// latter, since when.
    pub(super) fn due(&self) -> Option<Millis> {
        self.session.deadline().into_iter().chain(self.stalled_since).min()
    }

    pub(super) fn count(&mut self, metrics: &PortMetrics) {
        let (to_client, to_server) = std::mem::take(&mut self.wrote);
        metrics.wrote(to_client, to_server);
    }

    /// The session wants an instance dialled or looked at.
    pub(super) const fn wants_task(&self) -> bool {
        self.session.wants_proof() || self.session.wants_dial()
    }

    /// Something is open at the instance, or an answer of it is on its way to the client: a route
    /// that ends now takes it away.
    pub(super) fn is_busy(&self) -> bool {
        self.session.is_busy() || self.down.is_pending()
    }

    fn has_news(&self) -> bool {
        let session = &self.session;
        session.has_news()
            || session.ending().is_some()
            || (!self.is_served && self.wants_task())
            || (self.is_leaving && !self.is_busy())
    }

    /// Something is to be written and cannot.
    fn is_stalled(&self) -> bool {
        self.up.is_pending()
            || self.down.is_pending()
            || !self.session.to_client.is_empty()
            || !self.session.to_server.is_empty()
    }

    fn poll_both(&mut self, cx: &mut Context<'_>, lane: &Lane, now: Millis) -> Step {
        let down = self.poll_down(cx, lane, now)?;
        let up = self.poll_up(cx, lane, now)?;
        Ok(down || up)
    }

    /// From the instance to the client.
    fn poll_down(&mut self, cx: &mut Context<'_>, lane: &Lane, now: Millis) -> Step {
        if self.down.is_pending() {
            return lane.permit(|| self.write_down(cx)).unwrap_or(Err(Pumped::Blocked));
        }
        if !self.session.to_client.is_empty() || self.own_needs_flush {
            return self.poll_own_words(cx);
        }
        if self.server.is_none() || self.session.ending().is_some() {
            return Ok(false);
        }
        if !self.down.fresh().is_empty() || self.session.has_withheld() {
            if !self.session.is_passing() {
                return self.take_answers(cx, now);
            }
            // Looked at and written in one: what the machine let pass and is not written is lost
            // when the route ends.
            let done = lane.permit(|| self.take_answers(cx, now));
            return done.unwrap_or(Err(Pumped::Blocked));
        }
        self.read_server(cx, lane, now)
    }

    /// The machine looks at what the instance sent; what passes is written as far as it goes.
    fn take_answers(&mut self, cx: &mut Context<'_>, now: Millis) -> Step {
        let had_withheld = self.session.has_withheld();
        let took = self.session.server(self.down.fresh(), now);
        let moved = took.consumed > 0 || had_withheld != self.session.has_withheld();
        let lead = std::mem::take(&mut self.session.lead);
        self.down.took(&took, lead, false);
        if self.down.is_pending() {
            return self.write_down(cx).map(|wrote| moved || wrote);
        }
        Ok(moved)
    }

    /// Writes to the client; within a permit.
    fn write_down(&mut self, cx: &mut Context<'_>) -> Step {
        match write(&mut self.client, &mut self.down, cx) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(count)) => {
                self.wrote.0 += count as u64;
                Ok(true)
            }
            Poll::Ready(Err(error)) => Err(Pumped::ClientBroke(error)),
        }
    }

    fn read_server(&mut self, cx: &mut Context<'_>, lane: &Lane, now: Millis) -> Step {
        let Some(server) = &mut self.server else { return Ok(false) };
        if self.down.ended {
            return Ok(false);
        }
        match read(server, &mut self.down, cx) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(count)) if count > 0 => {
                lane.heard(now);
                Ok(true)
            }
            Poll::Ready(Ok(_) | Err(_)) => {
                self.down.ended = true;
                self.session.server_ended(false, now);
                Ok(true)
            }
        }
    }

    /// The gateway's own words to the client, which need no grant.
    fn poll_own_words(&mut self, cx: &mut Context<'_>) -> Step {
        let words = self.session.to_client.get(self.own_at..).unwrap_or_default();
        if !words.is_empty() {
            return match self.client.poll_write(cx, words) {
                Poll::Pending => Ok(false),
                Poll::Ready(Ok(count)) => {
                    self.own_at += count;
                    self.wrote.0 += count as u64;
                    if self.own_at >= self.session.to_client.len() {
                        self.own_at = 0;
                        self.own_needs_flush = self.client.keeps_back();
                        self.session.to_client = Vec::new();
                    }
                    Ok(true)
                }
                Poll::Ready(Err(error)) => Err(Pumped::ClientBroke(error)),
            };
        }
        match self.client.poll_flush(cx) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(())) => {
                self.own_needs_flush = false;
                Ok(true)
            }
            Poll::Ready(Err(error)) => Err(Pumped::ClientBroke(error)),
        }
    }

    /// Everything that the gateway itself says was written.
    pub(super) fn has_said_all(&self) -> bool {
        self.session.to_client.is_empty() && !self.own_needs_flush
    }

    /// Writes the gateway's own words alone, at the end of a session.
    pub(super) fn poll_last_words(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.has_said_all() {
            match self.poll_own_words(cx) {
                Ok(true) => {}
                Ok(false) => return Poll::Pending,
                Err(_) => break,
            }
        }
        Poll::Ready(())
    }

    /// From the client to the instance.
    fn poll_up(&mut self, cx: &mut Context<'_>, lane: &Lane, now: Millis) -> Step {
        if self.session.ending().is_some() {
            return Ok(false);
        }
        if self.up.is_pending() {
            if self.server.is_none() {
                self.up.forget(false);
                return Ok(true);
            }
            return lane.permit(|| self.write_up(cx)).unwrap_or(Err(Pumped::Blocked));
        }
        if !self.session.to_server.is_empty() {
            // Also a login, which is wiped when it is written.
            let lead = std::mem::take(&mut self.session.to_server);
            self.up.say(lead);
            return Ok(true);
        }
        if !self.up.fresh().is_empty() || self.session.has_pending() {
            if !self.session.is_passing() {
                return self.take_requests(cx, now);
            }
            let done = lane.permit(|| self.take_requests(cx, now));
            return done.unwrap_or(Err(Pumped::Blocked));
        }
        if self.shuts_down
            && let Some(server) = &mut self.server
        {
            // If it cannot be told, it notices.
            self.shuts_down = server.poll_shutdown(cx).is_pending();
        }
        if self.up.ended || self.session.to_client.len() >= OWN_WORDS {
            return Ok(false);
        }
        match read(&mut self.client, &mut self.up, cx) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(count)) if count > 0 => Ok(true),
            Poll::Ready(Ok(_)) => {
                self.up.ended = true;
                self.session.client_ended();
                Ok(true)
            }
            Poll::Ready(Err(error)) => Err(Pumped::ClientBroke(error)),
        }
    }

    /// The machine looks at what the client sent; what passes is written as far as it goes.
    fn take_requests(&mut self, cx: &mut Context<'_>, now: Millis) -> Step {
        let had_pending = self.session.has_pending();
        let is_secret = self.session.is_in_login();
        let took = self.session.client(self.up.fresh(), now);
        let is_secret = is_secret || self.session.is_in_login();
        let moved = took.consumed > 0 || had_pending != self.session.has_pending();
        let lead = std::mem::take(&mut self.session.to_server);
        let moved = moved || !lead.is_empty();
        self.up.took(&took, lead, is_secret);
        if self.session.is_passing() && self.up.is_pending() {
            return self.write_up(cx).map(|wrote| moved || wrote);
        }
        Ok(moved)
    }

    /// Writes to the instance; within a permit.
    fn write_up(&mut self, cx: &mut Context<'_>) -> Step {
        let Some(server) = &mut self.server else { return Ok(false) };
        if self.up_broke {
            self.up.forget(false);
            return Ok(false);
        }
        match write(server, &mut self.up, cx) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(count)) => {
                self.wrote.1 += count as u64;
                Ok(true)
            }
            Poll::Ready(Err(_)) => {
                // What it said before it broke is still to be read, and then its end.
                self.up.forget(false);
                self.up_broke = true;
                Ok(true)
            }
        }
    }

    /// The upstream connection is given up.
    pub(super) fn drop_server(&mut self) {
        self.server = None;
        self.up_broke = false;
        self.up.forget(false);
        self.down.forget(true);
    }
}

/// Writes what is pending; the count may be zero where only a flush was due.
fn write(to: &mut Stream, half: &mut Half, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    let bytes = half.pending();
    if bytes.is_empty() {
        let flushed = to.poll_flush(cx);
        if let Poll::Ready(Ok(())) = flushed {
            half.needs_flush = false;
        }
        return flushed.map_ok(|()| 0);
    }
    let wrote = to.poll_write(cx, bytes);
    match wrote {
        Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        Poll::Ready(Ok(count)) => {
            half.wrote(count);
            half.needs_flush = to.keeps_back();
            Poll::Ready(Ok(count))
        }
        Poll::Ready(Err(_)) | Poll::Pending => wrote,
    }
}

/// Reads into a buffer that is taken only if there may be something to read.
fn read(from: &mut Stream, half: &mut Half, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    match from.poll_readable(cx) {
        Poll::Pending => return Poll::Pending,
        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
        Poll::Ready(Ok(())) => {}
    }
    let done = from.poll_read(cx, half.space());
    if let Poll::Ready(Ok(count)) = &done {
        half.filled(*count);
    }
    done
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.session.to_server.zeroize();
    }
}
