//! What becomes of a message: it arrives, it is lost, or its sender stops waiting. It knows what
//! keeps a message from arriving; what the receiver makes of it is the receiver's file.

use super::{
    Fate, Payload, Refused, Step, World, WriteId,
    happening::Happening,
    names::{Kind, MessageId, Place},
    network::{Body, Cut, rpc_kind},
};
use crate::memgraph::{Endpoint, Input, Rpc, RpcFailure, RpcId, RpcResponse, Session, Statement};
use ha_core::{action::Action, ids::InstanceId};
use std::collections::BTreeSet;

/// Why a message cannot arrive now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The link is cut.
    Cut(Cut),
    /// The receiving process is stopped.
    Frozen,
    /// The process it was sent to is gone; its node answers that.
    Gone,
    /// The node it was sent to has no power.
    Dark,
    /// The API server is down.
    Down,
    /// Something sent before it, which it may not overtake, is still under way.
    Behind,
}

impl Obstacle {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Cut(_) => "the link is cut; heal it first",
            Self::Frozen => "the receiver is frozen; thaw it first",
            Self::Gone => "the process it was sent to is gone; it can only fail",
            Self::Dark => "the receiver's node has no power; it can only fail",
            Self::Down => "the API server is down; api-up first",
            Self::Behind => "something sent before it is still under way",
        }
    }
}

/// As an endpoint of replication.
pub(super) fn endpoint(id: InstanceId) -> Endpoint {
    Endpoint(id.0.into())
}

/// Whose endpoint it is.
pub(super) fn instance_at(endpoint: Endpoint) -> InstanceId {
    InstanceId(u8::try_from(endpoint.0).unwrap_or(u8::MAX))
}

impl World {
    /// Why a message cannot arrive now, if so.
    #[must_use]
    pub fn obstacle(&self, id: &MessageId, message: &Body) -> Option<Obstacle> {
        if let Some(cut) = self.network.cut(id.from, id.to) {
            return Some(Obstacle::Cut(cut));
        }
        match id.to {
            Place::Instance(to) => {
                let Ok(body) = self.body(to) else { return Some(Obstacle::Gone) };
                if !body.powered {
                    return Some(Obstacle::Dark);
                }
                let ended = |session| {
                    self.network.connections.get(&session).is_none_or(|connection| connection.ended)
                };
                if let (Body::Rpc { .. }, Place::Instance(from)) = (message, id.from)
                    && !self.resolves(from, to, id.kind == Kind::Swap)
                {
                    return Some(Obstacle::Cut(Cut::Refuse));
                }
                let stale = !body.runs()
                    || matches!(message, Body::Rpc { receiver, .. } if *receiver != Some(body.start))
                    || message.session().is_some_and(ended);
                if stale {
                    Some(Obstacle::Gone)
                } else if body.frozen {
                    Some(Obstacle::Frozen)
                } else {
                    self.overtakes(id, message).then_some(Obstacle::Behind)
                }
            }
            Place::Controller(no) => match self.controllers.get(usize::from(no.0)) {
                Some(controller) if controller.process.is_none() => Some(Obstacle::Gone),
                Some(controller) if controller.frozen => Some(Obstacle::Frozen),
                Some(_) => self.behind(message),
                None => Some(Obstacle::Gone),
            },
            Place::Gateway(no) => match self.gateways.get(no.index()) {
                Some(gateway) if gateway.frozen => Some(Obstacle::Frozen),
                Some(_) => self.behind(message),
                None => Some(Obstacle::Gone),
            },
            Place::Api => (!self.api.up).then_some(Obstacle::Down),
        }
    }

    /// Whether a request would overtake an earlier one, which its sender may have given up since.
    /// Both lie in the receiver's sockets, on two connections perhaps; `ordered` says that it reads
    /// them in their order. Heartbeats have a thread of their own.
    fn overtakes(&self, id: &MessageId, message: &Body) -> bool {
        let Body::Rpc { id: rpc, .. } = message else { return false };
        if !self.settings.ordered || id.kind == Kind::Beat {
            return false;
        }
        self.network.messages.iter().any(|(other, earlier)| {
            (other.from, other.to) == (id.from, id.to)
                && other.kind != Kind::Beat
                && matches!(earlier, Body::Rpc { id: before, receiver: Some(_), .. } if before < rpc)
        })
    }

    fn behind(&self, message: &Body) -> Option<Obstacle> {
        let behind =
            matches!(message, Body::Close { session } if self.network.has_answer(*session));
        behind.then_some(Obstacle::Behind)
    }

    pub(super) fn deliver(&mut self, id: MessageId, out: &mut Vec<Happening>) -> Step {
        let message = self.network.messages.get(&id).ok_or(Refused::NoMessage(id))?;
        if let Some(obstacle) = self.obstacle(&id, message) {
            return Err(Refused::Undeliverable(id, obstacle.as_str()));
        }
        let Some(message) = self.network.messages.remove(&id) else {
            return Err(Refused::NoMessage(id));
        };
        match (id.to, message) {
            (Place::Instance(to), Body::Rpc { id: rpc, request, awaited, .. }) => {
                self.serve_rpc(id, to, rpc, request, awaited, out)
            }
            (Place::Instance(to), Body::RpcAnswer { id: rpc, answer }) => {
                let input = match answer {
                    Ok(response) => Input::Response { id: rpc, response },
                    Err(why) => Input::Failed { id: rpc, why },
                };
                self.feed(to, input, out)
            }
            (Place::Instance(to), Body::Command { session, action }) => {
                self.land_command(to, session, &action, out)
            }
            (Place::Instance(to), Body::Request { session, statement }) => {
                self.land_statement(to, session, statement, out)
            }
            (Place::Controller(no), Body::Answer { session, answer }) => {
                self.command_answered(no, session, &answer, out)
            }
            (Place::Controller(no), Body::Close { session }) => self.command_lost(no, session, out),
            (Place::Controller(no), Body::RecordAnswer { ticket, version }) => {
                self.record_answered(no, ticket, version, out)
            }
            (Place::Controller(no), Body::LeaseAnswer { sent, lease }) => {
                self.lease_answered(no, sent, lease, out)
            }
            (Place::Controller(no), Body::PeerQuestion { by, sent }) => {
                self.peer_asked(no, id.from, by, sent)
            }
            (Place::Controller(no), Body::PeerAnswer { from, sent, word }) => {
                self.peer_told(no, (sent, from, word))
            }
            (Place::Controller(no), Body::Question(asked)) => {
                self.question_arrived(no, &asked, out)
            }
            (Place::Gateway(gateway), Body::Answer { session, answer }) => {
                self.upstream_answered(gateway, session, &answer, out)
            }
            (Place::Gateway(gateway), Body::Close { session }) => {
                self.upstream_closed(gateway, session, out)
            }
            (Place::Gateway(gateway), Body::GrantAnswer(answer)) => {
                self.grant_answered(gateway, &answer, out)
            }
            (Place::Api, Body::RecordWrite { by, ticket, expected, record }) => {
                self.record_write_arrived(id.from, (by, ticket), expected, *record, out);
                Ok(())
            }
            (Place::Api, Body::SetAside { by, ticket, on }) => {
                self.set_aside_arrived(id.from, (by, ticket), on, out)
            }
            (Place::Api, Body::LeaseWrite { by, expected, release, members, sent }) => {
                self.lease_write_arrived(id.from, by, expected, (release, members), sent, out);
                Ok(())
            }
            // `send` pairs places and bodies; nothing else is ever in flight.
            (Place::Instance(_) | Place::Controller(_) | Place::Gateway(_) | Place::Api, _) => {
                Err(Refused::NotNow("no receiver of this kind takes such a message"))
            }
        }
    }

    fn serve_rpc(
        &mut self,
        message: MessageId,
        to: InstanceId,
        rpc: RpcId,
        request: Rpc<Payload>,
        awaited: bool,
        out: &mut Vec<Happening>,
    ) -> Step {
        out.push(Happening::RpcReceived { kind: message.kind, from: message.from, to });
        let Place::Instance(from) = message.from else {
            return Err(Refused::NotNow("only an instance asks an instance"));
        };
        let kept = self.body(to)?.instance.prepared().map(|entry| entry.tick);
        let replica = self.body(to)?.instance.as_replica().is_some();
        let keeps = matches!(&request, Rpc::FinalizeCommit { tick, .. } if kept == Some(*tick));
        if !(replica && keeps) {
            // A decision about a transaction that is not kept is answered with success, and a main
            // takes none; the client hears of success in either case (MR 4.3).
            self.note_lost_decision(from, Some(to), &request);
        }
        let before = self.network.messages.len();
        self.feed(to, Input::Request { id: rpc, from: endpoint(from), request }, out)?;
        if !awaited && self.network.messages.len() > before {
            // Nobody hears the answer to a request whose sender stopped waiting.
            self.network
                .messages
                .retain(|_, body| !matches!(body, Body::RpcAnswer { id, .. } if *id == rpc));
        }
        Ok(())
    }

    pub(super) fn send_rpc(
        &mut self,
        from: InstanceId,
        id: RpcId,
        to: Endpoint,
        request: Rpc<Payload>,
    ) {
        let to = instance_at(to);
        let receiver = self.body(to).ok().filter(|body| body.runs()).map(|body| body.start);
        let kind = rpc_kind(&request);
        let body = Body::Rpc { id, request, receiver, awaited: true };
        self.network.send(kind, false, Place::Instance(from), Place::Instance(to), body);
    }

    pub(super) fn answer_rpc(
        &mut self,
        from: InstanceId,
        id: RpcId,
        to: Endpoint,
        answer: Result<RpcResponse, RpcFailure>,
    ) {
        let kind = match &answer {
            Ok(RpcResponse::Alive) => Kind::Beat,
            Ok(RpcResponse::Standing(_)) => Kind::Check,
            Ok(RpcResponse::Swapped) => Kind::Swap,
            Ok(RpcResponse::Aligned(_)) => Kind::System,
            Ok(RpcResponse::Prepared(_)) => Kind::Prepare,
            Ok(RpcResponse::Finalized(_)) => Kind::Finalize,
            Ok(RpcResponse::Recovered(_)) => Kind::Recover,
            Err(_) => Kind::Refusal,
        };
        let (from, to) = (Place::Instance(from), Place::Instance(instance_at(to)));
        self.network.send(kind, true, from, to, Body::RpcAnswer { id, answer });
    }

    /// A command lands, whether or not its sender still waits for it.
    fn land_command(
        &mut self,
        to: InstanceId,
        session: Session,
        action: &Action,
        out: &mut Vec<Happening>,
    ) -> Step {
        let Some((kind, statement)) = super::effect::statement(action) else {
            return Err(Refused::NotNow("the action is no command"));
        };
        let late = self.network.connections.get(&session).is_none_or(|seen| seen.closed);
        let phantom =
            matches!(action, Action::Drop { replica, .. } if self.is_phantom(to, *replica));
        let was_main = self.body(to)?.instance.as_main().is_some();
        out.push(Happening::Landed { on: to, kind, late, phantom });
        self.land_statement(to, session, statement, out)?;
        if let Action::Promote { term, .. } = action
            && !was_main
            && self.body(to)?.instance.as_main().is_some()
        {
            self.truth.promoted = self.truth.promoted.max(*term);
            self.note_accepted(to)?;
        }
        Ok(())
    }

    /// A reign begins by a person's word: what its main lacks was accepted as lost.
    fn note_accepted(&mut self, main: InstanceId) -> Step {
        if !self.begins_by_word(main) {
            return Ok(());
        }
        let log = &self.body(main)?.instance.volume.log;
        let held: BTreeSet<WriteId> = log
            .iter()
            .filter_map(|entry| match entry.payload {
                Payload::Write(write) => Some(write),
                Payload::Mark => None,
            })
            .collect();
        let acked = self.clients.iter().flat_map(|client| &client.writes);
        let lost = acked.filter(|(id, fate)| **fate == Fate::Acked && !held.contains(id));
        self.truth.accepted.extend(lost.map(|(id, _)| *id).collect::<Vec<_>>());
        Ok(())
    }

    fn land_statement(
        &mut self,
        to: InstanceId,
        session: Session,
        statement: Statement<Payload>,
        out: &mut Vec<Happening>,
    ) -> Step {
        self.feed(to, Input::Execute { session, statement }, out)?;
        if self.network.connections.get(&session).is_some_and(|seen| seen.closed) {
            self.network.connections.remove(&session);
            self.feed(to, Input::Abandon { session }, out)?;
        }
        Ok(())
    }

    /// An instance answers on a connection, if the other end is still there.
    pub(super) fn answer_session(
        &mut self,
        from: InstanceId,
        session: Session,
        answer: crate::memgraph::Answer,
    ) {
        let Some(connection) = self.network.connections.get(&session).filter(|c| !c.closed) else {
            return;
        };
        let (kind, to) = (connection.kind, connection.from);
        let body = Body::Answer { session, answer };
        self.network.send(kind, true, Place::Instance(from), to, body);
    }

    /// A connection that its opener left is gone at the instance too.
    fn forget_session(&mut self, session: Session, out: &mut Vec<Happening>) -> Step {
        if let Some(connection) = self.network.connections.remove(&session)
            && !connection.ended
            && self.body(connection.to)?.runs()
        {
            self.feed(connection.to, Input::Abandon { session }, out)?;
        }
        Ok(())
    }

    /// The opener of a connection leaves it.
    pub(super) fn hang_up(&mut self, session: Session, out: &mut Vec<Happening>) -> Step {
        if self.network.hang_up(session) { self.forget_session(session, out) } else { Ok(()) }
    }

    /// A message is lost, and whoever waits on that connection learns it.
    pub(super) fn fail(&mut self, id: MessageId, out: &mut Vec<Happening>) -> Step {
        let message = self.network.messages.get(&id).ok_or(Refused::NoMessage(id))?;
        let why = match self.obstacle(&id, message) {
            Some(Obstacle::Cut(Cut::Refuse)) => RpcFailure::Refused,
            Some(Obstacle::Gone) if matches!(message, Body::Rpc { receiver: Some(_), .. }) => {
                RpcFailure::Broken
            }
            Some(Obstacle::Gone) => RpcFailure::Refused,
            Some(
                Obstacle::Cut(Cut::Silent)
                | Obstacle::Frozen
                | Obstacle::Dark
                | Obstacle::Down
                | Obstacle::Behind,
            )
            | None => RpcFailure::TimedOut,
        };
        let gone = self.obstacle(&id, message) == Some(Obstacle::Gone);
        let Some(message) = self.network.messages.remove(&id) else {
            return Err(Refused::NoMessage(id));
        };
        out.push(Happening::Lost(id));
        if let Body::Command { session, .. } | Body::Request { session, .. } = &message {
            self.network.break_off(*session);
        }
        match (message, id.from, id.to) {
            (Body::Rpc { id: rpc, awaited, request, .. }, Place::Instance(from), _) => {
                let forgot = if gone { voter_at(id.to) } else { None };
                self.note_lost_decision(from, forgot, &request);
                if awaited { self.feed(from, Input::Failed { id: rpc, why }, out) } else { Ok(()) }
            }
            (Body::RpcAnswer { id: rpc, .. }, _, Place::Instance(to)) => {
                self.feed(to, Input::Failed { id: rpc, why: RpcFailure::TimedOut }, out)
            }
            (Body::Command { session, .. } | Body::Request { session, .. }, _, _)
                if self.network.connections.get(&session).is_none_or(|seen| seen.closed) =>
            {
                self.forget_session(session, out)
            }
            (Body::Command { session, .. }, Place::Controller(no), _)
            | (Body::Answer { session, .. }, _, Place::Controller(no)) => {
                // A process that takes no step hears nothing: it will give up by itself.
                let hears = self.acting(no).is_ok();
                if hears { self.command_lost(no, session, out) } else { Ok(()) }
            }
            (Body::Request { session, .. }, Place::Gateway(gateway), _)
            | (Body::Answer { session, .. }, _, Place::Gateway(gateway)) => {
                self.upstream_closed(gateway, session, out)
            }
            (
                Body::RecordWrite { ticket, .. } | Body::SetAside { ticket, .. },
                Place::Controller(no),
                _,
            )
            | (Body::RecordAnswer { ticket, .. }, _, Place::Controller(no)) => {
                self.record_lost(no, ticket, out);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The sender of a request between instances stops waiting; the request may still land.
    pub(super) fn overdue(&mut self, id: MessageId, out: &mut Vec<Happening>) -> Step {
        let (rpc, decision) = match self.network.messages.get_mut(&id) {
            Some(Body::Rpc { id: rpc, awaited, request, .. }) if *awaited => {
                *awaited = false;
                (*rpc, request.clone())
            }
            Some(_) => {
                return Err(Refused::NotNow(
                    "only an awaited request between instances is overdue",
                ));
            }
            None => return Err(Refused::NoMessage(id)),
        };
        let Place::Instance(from) = id.from else {
            return Err(Refused::NotNow("only an instance asks an instance"));
        };
        self.note_lost_decision(from, None, &decision);
        self.feed(from, Input::Failed { id: rpc, why: RpcFailure::TimedOut }, out)
    }

    /// A second phase that does not arrive in time, or not where its transaction is kept: the
    /// client is told success all the same (MR 4.3). If the voter `forgot` it because its process
    /// ended or became a main, that is one loss; anything else may happen to the main besides.
    fn note_lost_decision(
        &mut self,
        from: InstanceId,
        forgot: Option<InstanceId>,
        request: &Rpc<Payload>,
    ) {
        if let Rpc::FinalizeCommit { tick, commit: true, .. } = request
            && let Ok(body) = self.body(from)
            && let Some(entry) =
                body.instance.volume.log.iter().rev().find(|entry| entry.tick == *tick)
            && let Payload::Write(write) = entry.payload
        {
            match forgot {
                Some(voter) => {
                    self.truth.unflushed.entry(write).or_default().insert(voter);
                }
                None => {
                    self.truth.undecided.insert(write);
                }
            }
        }
    }
}

const fn voter_at(place: Place) -> Option<InstanceId> {
    match place {
        Place::Instance(id) => Some(id),
        Place::Controller(_) | Place::Gateway(_) | Place::Api => None,
    }
}
