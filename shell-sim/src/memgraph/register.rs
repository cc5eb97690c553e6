//! REGISTER and DROP on a main, and the start of a main: how a client is set up step by step, one
//! round trip each, so that a crash may fall between any two (MR 3.1, 3.2, 5.2).

use super::Output;
use super::answer::{Answer, Notice, ReplicaState, SystemState};
use super::client::{Checked, MainTurn, Reply, system_state};
use super::error::{RegisterError, ServerError};
use super::process::{Attach, AttachStep, Client, Live, Main, Purpose};
use super::rpc::{Rpc, RpcResponse};
use super::types::{Endpoint, Payload, ReplicaName, Session, SyncMode, Version};
use super::volume::{Registration, Store};

impl<P> Main<P> {
    /// Whether REGISTER runs, which holds the instance lock for itself.
    pub(super) const fn is_registering(&self) -> bool {
        matches!(self.attach, Some(Attach { purpose: Purpose::Register(_), .. }))
    }

    /// Whether a connection still waits for an answer.
    pub(super) fn owes(&self, session: Session) -> bool {
        let session = Some(session);
        let registering = self.attach.is_some_and(|attach| match attach.purpose {
            Purpose::Register(who) => who == session,
            Purpose::StartUp => false,
        });
        registering
            || self.commit.as_ref().is_some_and(|commit| commit.session == session)
            || self.queued.iter().any(|queued| queued.session == session)
    }

    /// Forgets a connection: what it waits for goes on without an answer.
    pub(super) fn forget(&mut self, session: Session) {
        let session = Some(session);
        if let Some(Attach { purpose: Purpose::Register(who), .. }) = &mut self.attach
            && *who == session
        {
            *who = None;
        }
        if let Some(commit) = self.commit.as_mut().filter(|commit| commit.session == session) {
            commit.session = None;
        }
        for queued in self.queued.iter_mut().filter(|queued| queued.session == session) {
            queued.session = None;
        }
    }
}

impl<P: Payload> MainTurn<'_, P> {
    /// REGISTER: checked, stored and listed before anything is sent (MR 3.1, step 1).
    pub(super) fn register(
        &mut self,
        session: Session,
        name: ReplicaName,
        mode: SyncMode,
        endpoint: Endpoint,
    ) -> Result<(), ServerError> {
        let refuse = |error| Err(ServerError::Register { name, error });
        if self.busy || self.main.commit.is_some() {
            return refuse(RegisterError::NoAccess);
        }
        if self.main.position(name).is_some() {
            return refuse(RegisterError::NameExists);
        }
        if self.main.clients.iter().any(|client| client.registration.endpoint == endpoint) {
            return refuse(RegisterError::EndpointExists);
        }
        let heartbeats = self.config.heartbeats;
        let registration = Registration { name, mode, endpoint, heartbeats };
        self.main.clients.push(Client { registration, live: None });
        self.store_list();
        let client = self.main.clients.len() - 1;
        let rpc = self.send(client, Rpc::SwapMainUuid { main_uuid: self.main.uuid });
        self.main.attach = Some(Attach {
            purpose: Purpose::Register(Some(session)),
            client,
            step: AttachStep::Swap,
            rpc,
            system: SystemState::Behind,
        });
        Ok(())
    }

    /// DROP, of a phantom too; the replica is not told (MR 1.2).
    pub(super) fn drop_replica(&mut self, name: ReplicaName) -> Result<Notice, ServerError> {
        if self.busy || self.main.commit.is_some() {
            return Err(ServerError::DropNoAccess);
        }
        let Some(index) = self.main.position(name) else {
            return Err(ServerError::DropUnknown { name });
        };
        self.main.clients.remove(index);
        self.store_list();
        Ok(Notice::DropReplica(name))
    }

    /// Sets up the stored clients one after the other, then opens Bolt (MR 5.2).
    pub(super) fn start_up(&mut self, client: usize) {
        if client == self.main.clients.len() {
            *self.bolt_open = true;
            self.out.push(Output::BoltOpen);
            return;
        }
        let rpc = self.send(client, self.system_request());
        self.main.attach = Some(Attach {
            purpose: Purpose::StartUp,
            client,
            step: AttachStep::System,
            rpc,
            system: SystemState::Behind,
        });
    }

    /// The awaited step is answered.
    pub(super) fn attach_answered(&mut self, reply: Reply) {
        let Some(mut attach) = self.main.attach.take() else { return };
        let Some(Registration { name, .. }) = self.registration(attach.client) else { return };
        match attach.step {
            AttachStep::Swap => {
                if reply != Ok(RpcResponse::Swapped) {
                    // The list keeps what step 1 put there: a phantom (MR 3.2).
                    self.registered(attach.purpose, name, Some(RegisterError::NotAccepted));
                    return;
                }
                attach.step = AttachStep::System;
                attach.rpc = self.send(attach.client, self.system_request());
            }
            AttachStep::System => {
                attach.system = system_state(&reply);
                attach.step = AttachStep::Check;
                attach.rpc = self.send(attach.client, self.check_request());
            }
            AttachStep::Check => {
                self.first_check(attach, name, &reply);
                return;
            }
        }
        self.main.attach = Some(attach);
    }

    /// The check that every new client gets at once (MR 2.2).
    fn first_check(&mut self, attach: Attach, name: ReplicaName, reply: &Reply) {
        let checked = self.read_check(reply);
        let registering = matches!(attach.purpose, Purpose::Register(_));
        if checked == Checked::Diverged && registering {
            if self.config.version == Version::Head {
                self.main.clients.remove(attach.client);
                self.store_list();
            }
            self.registered(attach.purpose, name, Some(RegisterError::Diverged));
            return;
        }
        if let Some(client) = self.main.clients.get_mut(attach.client) {
            client.live = Some(Live::new(attach.system));
        }
        match checked {
            Checked::Unknown { refused } => {
                if let Some(live) = self.main.live(attach.client).filter(|_| refused) {
                    live.system = SystemState::Behind;
                }
            }
            Checked::Diverged => self.set_state(attach.client, ReplicaState::Diverged),
            Checked::Continuous(ldt) => self.settle_check(attach.client, ldt),
        }
        self.pump(attach.client);
        if registering {
            self.registered(attach.purpose, name, None);
        } else {
            self.start_up(attach.client + 1);
        }
    }

    /// REGISTER ends: its client hears of it, and commits that waited for the lock go on.
    fn registered(&mut self, purpose: Purpose, name: ReplicaName, error: Option<RegisterError>) {
        if let Purpose::Register(session) = purpose {
            let answer = match error {
                None => Answer::Done(vec![Notice::RegisterReplica(name)]),
                Some(error) => Answer::Failed(ServerError::Register { name, error }),
            };
            self.answer(session, answer);
        }
        self.run_commits();
    }

    /// Stores the list, and with the first registration the UUID (MR 3.4).
    fn store_list(&mut self) {
        if self.config.restore_state {
            self.volume.store = Some(Store::Main {
                uuid: self.main.uuid,
                registrations: self.main.registrations(),
            });
        }
    }
}
