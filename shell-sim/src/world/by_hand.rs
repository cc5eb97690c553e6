//! Statements that reach an instance by hand, as an operator's or another controller's client would
//! send them. It opens a connection for one statement and takes its answer; it knows nothing of why.

use super::{
    Payload, Refused, World,
    happening::Happening,
    names::{Kind, Place},
    network::Body,
};
use crate::memgraph::{Answer, Input, Session, Statement};
use ha_core::ids::InstanceId;

impl World {
    /// Gives an instance one statement on a connection of its own.
    ///
    /// # Errors
    /// Why nobody hears the statement now.
    pub fn operate(
        &mut self,
        on: InstanceId,
        statement: Statement<Payload>,
        out: &mut Vec<Happening>,
    ) -> Result<Session, Refused> {
        let body = self.body(on)?;
        if !body.powered || body.frozen || !body.instance.is_bolt_open() {
            return Err(Refused::NotNow("nobody answers on the Bolt port of the instance"));
        }
        let session = self.network.connect(Place::Api, on, Kind::Request);
        self.feed(on, Input::Execute { session, statement }, out)?;
        Ok(session)
    }

    /// The answer to a statement given by hand, if it has come; the connection ends with it.
    pub fn answer_by_hand(&mut self, session: Session) -> Option<Answer> {
        let on = |body: &Body| matches!(body, Body::Answer { session: on, .. } if *on == session);
        let id = self.network.messages.iter().find(|(_, body)| on(body)).map(|(id, _)| *id)?;
        let message = self.network.messages.remove(&id)?;
        self.network.connections.remove(&session);
        match message {
            Body::Answer { answer, .. } => Some(answer),
            Body::Rpc { .. }
            | Body::RpcAnswer { .. }
            | Body::Command { .. }
            | Body::Request { .. }
            | Body::Close { .. }
            | Body::RecordWrite { .. }
            | Body::SetAside { .. }
            | Body::RecordAnswer { .. }
            | Body::LeaseWrite { .. }
            | Body::LeaseAnswer { .. }
            | Body::PeerQuestion { .. }
            | Body::PeerAnswer { .. }
            | Body::Question(_)
            | Body::GrantAnswer(_) => None,
        }
    }
}
