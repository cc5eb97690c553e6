//! A gateway: it forwards to the main that its grant names, under a live grant only, and asks for
//! the next one. It knows nothing of roles or of the record.

use super::{
    Payload, Refused, Step, World,
    clock::Clock,
    happening::Happening,
    mistake::Mistake,
    names::{ClientId, Kind, Place},
    network::{Asked, Body, Cut},
};
use crate::memgraph::{Answer, Session, Statement};
use ha_core::{
    grant::{self, Clocks, GrantHolder},
    ids::{GatewayId, InstanceRef, Term},
    leadership::Millis,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A gateway process and its machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gateway {
    /// The clocks of its machine.
    pub clock: Clock,
    /// Whether its process is stopped and takes no step.
    pub frozen: bool,
    /// The grant that it holds.
    pub holder: GrantHolder,
    /// The reign under which its upstream connections were opened.
    pub forwarding: Option<(Term, InstanceRef)>,
    /// The question whose answer it took last.
    pub accepted: Option<u64>,
    /// One upstream connection for each client that has one.
    pub upstreams: BTreeMap<ClientId, Session>,
    /// When the last byte from the main arrived, on its clock.
    pub last_byte: Option<Millis>,
}

/// Why a request was not forwarded. It certainly took no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotForwarded {
    /// There is no grant, or none for new transactions, or no connection to the main.
    Hold,
    /// The connection that the transaction lived on is gone.
    Lost,
}

impl Gateway {
    pub(super) fn new(id: GatewayId, limit_ms: Millis) -> Self {
        Self {
            clock: Clock::default(),
            frozen: false,
            holder: GrantHolder::start(id, limit_ms),
            forwarding: None,
            accepted: None,
            upstreams: BTreeMap::new(),
            last_byte: None,
        }
    }

    /// Its clocks at this true time.
    #[must_use]
    pub fn clocks(&self, now: Millis) -> Clocks {
        self.clock.both(now)
    }

    /// The grant that it could use at this true time.
    #[must_use]
    pub fn live(&self, now: Millis) -> Option<grant::Grant> {
        self.holder.live(self.clocks(now))
    }

    /// Where it forwards, and whether only transactions that are open already may go on. Where
    /// nothing looks at the end of a grant, what it last found alive counts.
    fn forwards_to(&self, now: Clocks, looks: bool) -> Option<(InstanceRef, bool)> {
        let live = self.holder.live(now);
        if looks {
            return live.map(|grant| (grant.main, grant.draining));
        }
        self.forwarding.map(|(_, main)| (main, live.is_some_and(|grant| grant.draining)))
    }
}

impl World {
    /// A gateway.
    ///
    /// # Errors
    /// There is no such gateway.
    pub fn gateway(&self, id: GatewayId) -> Result<&Gateway, Refused> {
        self.gateways.get(id.index()).ok_or(Refused::NoSuch(Place::Gateway(id)))
    }

    /// The gateway, if it takes steps, with its clocks.
    fn awake(&mut self, id: GatewayId) -> Result<(&mut Gateway, Clocks), Refused> {
        let now = self.now;
        let gateway =
            self.gateways.get_mut(id.index()).ok_or(Refused::NoSuch(Place::Gateway(id)))?;
        if gateway.frozen {
            return Err(Refused::NotNow("the gateway is frozen; thaw it first"));
        }
        let clocks = gateway.clocks(now);
        Ok((gateway, clocks))
    }

    /// Asks every controller for a grant, and acknowledges what came before.
    pub(super) fn ask(&mut self, id: GatewayId, out: &mut Vec<Happening>) -> Step {
        if !self.looks_at_each_byte() {
            self.mind_grant(id, out)?;
        }
        let busy = |client: &super::Client| client.is_open_through(id);
        let open_transactions = self.clients.iter().any(busy);
        let (gateway, now) = self.awake(id)?;
        let last_byte_ms = gateway.last_byte.map(|at| now.monotonic.saturating_sub(at));
        let question = gateway.holder.ask(now, open_transactions, last_byte_ms);
        let asked = Asked { question, accepted: gateway.accepted };
        for no in self.controller_numbers() {
            let (from, to) = (Place::Gateway(id), Place::Controller(no));
            self.network.send(Kind::Question, false, from, to, Body::Question(asked));
        }
        Ok(())
    }

    pub(super) fn grant_answered(
        &mut self,
        id: GatewayId,
        answer: &grant::Answer,
        out: &mut Vec<Happening>,
    ) -> Step {
        let (gateway, _) = self.awake(id)?;
        if gateway.holder.answered(answer).is_ok() {
            gateway.accepted = Some(answer.number);
        }
        self.mind_grant(id, out)
    }

    /// Closes what was opened under a grant that is not live any more: from then on no byte passes
    /// in either direction.
    pub(super) fn mind_grant(&mut self, id: GatewayId, out: &mut Vec<Happening>) -> Step {
        let (gateway, now) = self.awake(id)?;
        let live = gateway.holder.live(now).map(|grant| (grant.term, grant.main));
        let before = gateway.forwarding;
        if live == before {
            return Ok(());
        }
        gateway.forwarding = live;
        let upstreams = gateway.upstreams.clone();
        if let Some((term, main)) = before {
            out.push(Happening::Withdrawn { gateway: id, term, main: main.id });
        }
        for (client, session) in upstreams {
            if !self.outlives_grant(client, id) {
                self.leave(id, client, session, out)?;
            }
        }
        if let Some((term, main)) = live {
            out.push(Happening::Granted { gateway: id, term, main: main.id });
        }
        Ok(())
    }

    /// Leaves an upstream connection; its client has nothing to wait for any more.
    fn leave(
        &mut self,
        id: GatewayId,
        client: ClientId,
        session: Session,
        out: &mut Vec<Happening>,
    ) -> Step {
        let (gateway, _) = self.awake(id)?;
        gateway.upstreams.remove(&client);
        self.hang_up(session, out)?;
        self.interrupt(client, id, out);
        Ok(())
    }

    /// Whether it looks at the end of its grant before each byte.
    fn looks_at_each_byte(&self) -> bool {
        !self.settings.makes(Mistake::GrantCheckedWhenAsked)
    }

    /// Minds the grant before a byte passes, unless it only looks at it when it asks.
    fn mind_byte(&mut self, id: GatewayId, out: &mut Vec<Happening>) -> Step {
        if self.looks_at_each_byte() { self.mind_grant(id, out) } else { self.awake(id).map(drop) }
    }

    /// Forwards a statement of a client, on the connection it has, or on a new one if it begins a
    /// transaction.
    pub(super) fn forward(
        &mut self,
        id: GatewayId,
        client: ClientId,
        statement: Statement<Payload>,
        begins: bool,
        out: &mut Vec<Happening>,
    ) -> Result<Result<(), NotForwarded>, Refused> {
        self.mind_byte(id, out)?;
        let looks = self.looks_at_each_byte();
        let (gateway, now) = self.awake(id)?;
        let upstream = gateway.upstreams.get(&client).copied();
        let Some((main, draining)) = gateway.forwards_to(now, looks) else {
            return Ok(Err(if begins { NotForwarded::Hold } else { NotForwarded::Lost }));
        };
        if begins && draining {
            return Ok(Err(NotForwarded::Hold));
        }
        let session = match upstream {
            Some(session) => session,
            None if !begins => return Ok(Err(NotForwarded::Lost)),
            None => match self.dial(id, main)? {
                Ok(session) => session,
                Err(cut) => {
                    if cut != Some(Cut::Silent) {
                        self.void(id, out)?;
                    }
                    return Ok(Err(NotForwarded::Hold));
                }
            },
        };
        let (gateway, _) = self.awake(id)?;
        gateway.upstreams.insert(client, session);
        let (from, to) = (Place::Gateway(id), Place::Instance(main.id));
        let body = Body::Request { session, statement };
        self.network.send(Kind::Request, false, from, to, body);
        out.push(Happening::Forwarded { gateway: id, main: main.id, client });
        Ok(Ok(()))
    }

    /// Opens an upstream connection, if the life that the grant names answers there: its name
    /// stands in the greeting.
    fn dial(
        &mut self,
        id: GatewayId,
        main: InstanceRef,
    ) -> Result<Result<Session, Option<Cut>>, Refused> {
        let (here, there) = (Place::Gateway(id), Place::Instance(main.id));
        if let Some(cut) = self.network.cut_either_way(here, there) {
            return Ok(Err(Some(cut)));
        }
        let body = self.body(main.id)?;
        if !body.powered || body.frozen {
            return Ok(Err(Some(Cut::Silent)));
        }
        let greets = body.instance.is_bolt_open() && body.incarnation() == Some(main.incarnation);
        Ok(if greets { Ok(self.network.connect(here, main.id, Kind::Request)) } else { Err(None) })
    }

    /// The instance closed or refused: only a grant that is asked for later counts.
    fn void(&mut self, id: GatewayId, out: &mut Vec<Happening>) -> Step {
        let (gateway, now) = self.awake(id)?;
        gateway.holder.void(now);
        self.mind_grant(id, out)
    }

    /// Whose upstream connection it is.
    fn client_of(&self, id: GatewayId, session: Session) -> Result<Option<ClientId>, Refused> {
        let mut upstreams = self.gateway(id)?.upstreams.iter();
        Ok(upstreams.find(|(_, open)| **open == session).map(|(client, _)| *client))
    }

    pub(super) fn upstream_closed(
        &mut self,
        id: GatewayId,
        session: Session,
        out: &mut Vec<Happening>,
    ) -> Step {
        if self.gateway(id)?.frozen {
            return Ok(());
        }
        let is_ours = self.client_of(id, session)?.is_some();
        if is_ours && !self.is_left_over(id, session) {
            self.void(id, out)?;
        }
        match self.client_of(id, session)? {
            Some(client) => self.leave(id, client, session, out),
            None => self.hang_up(session, out),
        }
    }

    pub(super) fn upstream_answered(
        &mut self,
        id: GatewayId,
        session: Session,
        answer: &Answer,
        out: &mut Vec<Happening>,
    ) -> Step {
        self.mind_byte(id, out)?;
        let Some(client) = self.client_of(id, session)? else { return Ok(()) };
        let (gateway, now) = self.awake(id)?;
        gateway.last_byte = Some(now.monotonic);
        let main_answered = self.client_answered(client, answer, out);
        if self.is_left_over(id, session) {
            return self.leave(id, client, session, out);
        }
        if main_answered {
            return Ok(());
        }
        // Whoever refuses writes as a replica is not the main that the grant names.
        self.void(id, out)
    }

    /// The process ends and another one starts.
    pub(super) fn restart_gateway(&mut self, id: GatewayId, out: &mut Vec<Happening>) -> Step {
        let limit_ms = self.settings.timing.grant_ms;
        let clock = self.gateway(id)?.clock;
        let fresh = Gateway { clock, ..Gateway::new(id, limit_ms) };
        let Some(gateway) = self.gateways.get_mut(id.index()) else {
            return Err(Refused::NoSuch(Place::Gateway(id)));
        };
        let before = std::mem::replace(gateway, fresh);
        // Another process has another id, of which nobody has heard anything.
        for controller in &mut self.controllers {
            if let Some(process) = &mut controller.process {
                process.reports.forget(id);
            }
        }
        let here = Place::Gateway(id);
        self.network.forget_receiver(here);
        self.network
            .messages
            .retain(|message, _| message.from != here || message.kind != Kind::Question);
        for (client, session) in before.upstreams {
            self.hang_up(session, out)?;
            self.interrupt(client, id, out);
        }
        Ok(())
    }

    /// Gateways that take steps notice grants that ran out.
    pub(super) fn mind_grants(&mut self, out: &mut Vec<Happening>) -> Step {
        for index in 0..self.settings.gateways {
            let id = GatewayId::from(index);
            if self.looks_at_each_byte() && !self.gateway(id)?.frozen {
                self.mind_grant(id, out)?;
            }
        }
        Ok(())
    }
}
