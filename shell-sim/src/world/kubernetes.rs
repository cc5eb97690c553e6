//! Pods, nodes, volumes and the processes in them, one body for each ordinal. It knows what the
//! API server would say of them; it decides nothing about when a pod is made or restarted.

use super::{
    Payload, Refused, Step, World,
    happening::Happening,
    mistake::Mistake,
    names::{Kind, Place, WriteId},
    network::Body as Message,
};
use crate::memgraph::{
    Config, Entry, Input, Instance, Mint, Output, ReplicaName, Role, RoleName, Volume,
};
use ha_core::{
    ids::{BootId, Incarnation, InstanceId, PodUid, StartId, VolumeId},
    observation::{Container, PodView, VolumeView},
    record::Aside,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

/// One ordinal: its volume lives for ever, its pod, node and process come and go.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Body {
    /// The pod, if there is one.
    pub pod: Option<Pod>,
    /// The run of the kernel below the volume, as the manifest on it says.
    pub boot: BootId,
    /// The volume.
    pub volume_id: VolumeId,
    /// What the next process shows instead, where boot ids are not chained by the volume.
    pub boot_elsewhere: Option<BootId>,
    /// Whether the node has power.
    pub powered: bool,
    /// Whether the process is stopped and takes no step.
    pub frozen: bool,
    /// The start of the process, the present or the last one.
    pub start: StartId,
    /// The manifest on the volume. It says used from the first role that the instance was given
    /// on, or the first data.
    pub volume: VolumeView,
    /// Whether it refuses the login of controllers.
    pub locked_out: bool,
    /// While its name does not resolve: the process that others may be connected to since before.
    pub unresolved: Option<StartId>,
    /// What was set aside last, and what the volume was called then.
    pub aside: Option<(VolumeId, Volume<Payload>)>,
    /// The instance.
    pub instance: Instance<Payload>,
}

/// A pod, as the API server would tell it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pod {
    /// Which life of the name.
    pub uid: PodUid,
    /// Where it is reached; not known at once after it was made.
    pub address: Option<IpAddr>,
    /// Whether it is marked for deletion.
    pub deleting: bool,
    /// What the kubelet last said of its container.
    pub container: Container,
}

/// The clients' writes on a volume.
fn writes(body: &Body) -> BTreeSet<WriteId> {
    let write = |entry: &Entry<Payload>| match entry.payload {
        Payload::Write(write) => Some(write),
        Payload::Mark => None,
    };
    body.instance.volume.log.iter().filter_map(write).collect()
}

impl Body {
    pub(super) fn new(config: Config, mint: &mut Mint) -> Self {
        Self {
            pod: Some(Pod::new(true, mint)),
            boot: BootId(mint.fresh().into()),
            volume_id: VolumeId(mint.fresh().into()),
            boot_elsewhere: None,
            powered: true,
            frozen: false,
            start: StartId(0),
            volume: VolumeView::New,
            locked_out: false,
            unresolved: None,
            aside: None,
            instance: Instance::new(config),
        }
    }

    /// Whether a process runs.
    #[must_use]
    pub const fn runs(&self) -> bool {
        self.instance.process.is_some()
    }

    /// The life of the running process.
    #[must_use]
    pub fn incarnation(&self) -> Option<Incarnation> {
        let pod = self.pod.as_ref().filter(|_| self.runs())?;
        let (start, boot, volume) = (self.start, self.boot, self.volume_id);
        Some(Incarnation { pod: pod.uid, start, boot, volume })
    }

    /// Names whose heartbeat thread is idle.
    pub fn beats(&self) -> impl Iterator<Item = ReplicaName> + '_ {
        beats(&self.instance)
    }

    /// The pod as the API server tells it.
    #[must_use]
    pub fn pod_view(&self) -> Option<PodView> {
        self.pod.as_ref().map(|pod| PodView {
            uid: pod.uid,
            address: pod.address,
            deleting: pod.deleting,
            container: pod.container,
        })
    }
}

impl Pod {
    fn new(addressed: bool, mint: &mut Mint) -> Self {
        let address = addressed.then(|| fresh_address(mint));
        let uid = PodUid(mint.fresh().into());
        Self { uid, address, deleting: false, container: Container::Waiting }
    }
}

fn fresh_address(mint: &mut Mint) -> IpAddr {
    let [.., high, low] = mint.fresh().to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(10, 0, high, low))
}

impl World {
    /// The body of an instance.
    ///
    /// # Errors
    /// There is no such instance.
    pub fn body(&self, id: InstanceId) -> Result<&Body, Refused> {
        self.bodies.get(usize::from(id.0)).ok_or(Refused::NoSuch(Place::Instance(id)))
    }

    pub(super) fn body_mut(&mut self, id: InstanceId) -> Result<&mut Body, Refused> {
        self.bodies.get_mut(usize::from(id.0)).ok_or(Refused::NoSuch(Place::Instance(id)))
    }

    /// Every instance.
    pub fn instances(&self) -> impl Iterator<Item = InstanceId> + use<> {
        (0..self.settings.instances).map(InstanceId)
    }

    pub(super) fn start_process(&mut self, id: InstanceId, out: &mut Vec<Happening>) -> Step {
        let body = self.body(id)?;
        if body.runs() {
            return Err(Refused::NotNow("a process runs already; crash it first"));
        }
        if body.pod.is_none() {
            return Err(Refused::NotNow("there is no pod; create-pod first"));
        }
        if !body.powered {
            return Err(Refused::NotNow("the node has no power; power-on first"));
        }
        self.set_aside_as_recorded(id, out)?;
        let is_target = self.api.record().is_some_and(|record| record.target == id);
        if self.settings.gate && !is_target {
            self.body_mut(id)?.instance.volume.forget_registrations();
        }
        let start = StartId(self.mint.fresh().into());
        let body = self.body_mut(id)?;
        body.start = start;
        body.frozen = false;
        if let Some(pod) = &mut body.pod {
            pod.container = Container::Running;
        }
        out.push(Happening::ProcessStarted(id));
        self.feed(id, Input::Start, out)
    }

    /// The process ends and its node lives on.
    pub(super) fn crash(&mut self, id: InstanceId, out: &mut Vec<Happening>) -> Step {
        if !self.body(id)?.runs() {
            return Err(Refused::NotNow("no process runs; start it first"));
        }
        let body = self.body_mut(id)?;
        body.frozen = false;
        if let Some(pod) = &mut body.pod {
            pod.container = Container::Terminated;
        }
        self.feed(id, Input::Kill, out)?;
        self.process_ended(id, true, out);
        Ok(())
    }

    pub(super) fn mark_deleted(&mut self, id: InstanceId) -> Step {
        let Some(pod) = &mut self.body_mut(id)?.pod else {
            return Err(Refused::NotNow("there is no pod to delete"));
        };
        pod.deleting = true;
        Ok(())
    }

    /// The pod goes, and its process with it.
    pub(super) fn remove_pod(&mut self, id: InstanceId, out: &mut Vec<Happening>) -> Step {
        if self.body(id)?.pod.is_none() {
            return Err(Refused::NotNow("there is no pod to remove"));
        }
        if self.body(id)?.runs() {
            self.crash(id, out)?;
        }
        self.body_mut(id)?.pod = None;
        Ok(())
    }

    pub(super) fn create_pod(&mut self, id: InstanceId, addressed: bool) -> Step {
        if self.body(id)?.pod.is_some() {
            return Err(Refused::NotNow("there is a pod already; remove-pod first"));
        }
        let pod = Pod::new(addressed, &mut self.mint);
        self.body_mut(id)?.pod = Some(pod);
        Ok(())
    }

    pub(super) fn assign_address(&mut self, id: InstanceId) -> Step {
        if self.body(id)?.pod.as_ref().is_none_or(|pod| pod.address.is_some()) {
            return Err(Refused::NotNow("only a pod without an address gets one"));
        }
        let address = fresh_address(&mut self.mint);
        if let Some(pod) = &mut self.body_mut(id)?.pod {
            pod.address = Some(address);
        }
        Ok(())
    }

    /// The node goes dark: nobody hears of it, and what was not flushed may be lost.
    pub(super) fn lose_power(
        &mut self,
        id: InstanceId,
        keep: usize,
        out: &mut Vec<Happening>,
    ) -> Step {
        let body = self.body_mut(id)?;
        if !body.powered {
            return Err(Refused::NotNow("the node has no power already"));
        }
        body.powered = false;
        body.frozen = false;
        let ran = body.runs();
        let before = writes(body);
        self.feed(id, Input::PowerLoss { keep }, out)?;
        let after = writes(self.body(id)?);
        for write in before.difference(&after) {
            self.truth.unflushed.entry(*write).or_default().insert(id);
        }
        if ran {
            self.process_ended(id, false, out);
        }
        Ok(())
    }

    pub(super) fn power_on(&mut self, id: InstanceId) -> Step {
        if self.body(id)?.powered {
            return Err(Refused::NotNow("the node has power already"));
        }
        let boot = BootId(self.mint.fresh().into());
        let chained = !self.settings.makes(Mistake::BootOfTheNode);
        let body = self.body_mut(id)?;
        body.powered = true;
        let before = std::mem::replace(&mut body.boot, boot);
        if !chained {
            body.boot_elsewhere.get_or_insert(before);
        }
        if let Some(pod) = &mut body.pod {
            pod.container = Container::Terminated;
        }
        Ok(())
    }

    /// What the entrypoint does before a start: where the record orders it of this volume
    /// the data is kept elsewhere and the volume begins anew, or goes on with what was kept
    /// before. Nothing excuses what is lost by that.
    fn set_aside_as_recorded(&mut self, id: InstanceId, out: &mut Vec<Happening>) -> Step {
        let volume = self.body(id)?.volume_id;
        let order = self.api.record().and_then(|record| record.resets.get(&id));
        let Some(order) = order.filter(|order| order.volume == volume) else { return Ok(()) };
        let restores = order.restores;
        let data = self.body(id)?.instance.volume.clone();
        self.feed(id, Input::Wipe, out)?;
        let (boot, next) = (BootId(self.mint.fresh().into()), self.mint.fresh().into());
        let body = self.body_mut(id)?;
        let kept = body.aside.replace((volume, data)).filter(|(called, _)| match restores {
            Some(Aside::Latest) => true,
            Some(Aside::Of(volume)) => volume == *called,
            None => false,
        });
        body.volume = VolumeView::New;
        if let Some((_, data)) = kept {
            body.volume = VolumeView::Used;
            body.instance.volume = data;
        }
        (body.boot, body.volume_id) = (boot, VolumeId(next));
        out.push(Happening::SetAside(id));
        Ok(())
    }

    pub(super) fn wipe(&mut self, id: InstanceId, out: &mut Vec<Happening>) -> Step {
        if self.body(id)?.runs() {
            return Err(Refused::NotNow("a process runs on the volume; crash it first"));
        }
        for write in writes(self.body(id)?) {
            self.truth.unflushed.entry(write).or_default().insert(id);
        }
        self.feed(id, Input::Wipe, out)?;
        let boot = BootId(self.mint.fresh().into());
        let volume = VolumeId(self.mint.fresh().into());
        let body = self.body_mut(id)?;
        body.volume = VolumeView::New;
        (body.boot, body.volume_id) = (boot, volume);
        Ok(())
    }

    /// The heartbeat timer of a main's client fires.
    pub(super) fn beat(
        &mut self,
        id: InstanceId,
        name: ReplicaName,
        out: &mut Vec<Happening>,
    ) -> Step {
        let body = self.body(id)?;
        if body.frozen || !beats(&body.instance).any(|due| due == name) {
            return Err(Refused::NotNow("no heartbeat of that name is due"));
        }
        self.feed(id, Input::Heartbeat { name }, out)
    }

    /// Gives an instance one input and carries out what it says.
    pub(super) fn feed(
        &mut self,
        id: InstanceId,
        input: Input<Payload>,
        out: &mut Vec<Happening>,
    ) -> Step {
        let mut mint = self.mint;
        let mut said = Vec::new();
        let body = self.body_mut(id)?;
        let before = body.instance.role();
        body.instance.handle_into(input, &mut mint, &mut said);
        let after = body.instance.role();
        if after == Some(RoleName::Replica) || !body.instance.volume.log.is_empty() {
            body.volume = VolumeView::Used;
        }
        self.mint = mint;
        if before.is_some()
            && before != after
            && let Some(role) = after
        {
            out.push(Happening::RoleChanged(id, role));
        }
        for output in said {
            self.carry_out(id, output, out);
        }
        Ok(())
    }

    fn carry_out(&mut self, id: InstanceId, output: Output<Payload>, out: &mut Vec<Happening>) {
        match output {
            Output::BoltOpen => out.push(Happening::BoltOpen(id)),
            Output::Died => {
                if let Some(pod) = self.body_mut(id).ok().and_then(|body| body.pod.as_mut()) {
                    pod.container = Container::Terminated;
                }
                self.process_ended(id, true, out);
            }
            Output::Answer { session, answer } => self.answer_session(id, session, answer),
            Output::Send { id: rpc, to, request } => self.send_rpc(id, rpc, to, request),
            Output::Respond { id: rpc, to, response } => {
                self.answer_rpc(id, rpc, to, Ok(response));
            }
            Output::Refuse { id: rpc, to } => {
                self.answer_rpc(id, rpc, to, Err(crate::memgraph::RpcFailure::Refused));
            }
            Output::Committed(entry) => out.push(Happening::Committed(id, entry.payload)),
            Output::Aborted { .. } => out.push(Happening::Aborted(id)),
            Output::Prepared(entry) => out.push(Happening::Prepared(id, entry.payload)),
            Output::Discarded { .. } => out.push(Happening::Discarded(id)),
            Output::Applied(entry) => out.push(Happening::Applied(id, entry.payload)),
            Output::Replaced => out.push(Happening::Replaced(id)),
            Output::Rejected(rejection) => out.push(Happening::Rejected(id, rejection)),
        }
    }

    /// What the end of a process means to everybody who was connected to it. With `heard`, the
    /// node below lives and closes its sockets.
    fn process_ended(&mut self, id: InstanceId, heard: bool, out: &mut Vec<Happening>) {
        let place = Place::Instance(id);
        out.push(Happening::ProcessEnded(id));
        if let Ok(body) = self.body_mut(id)
            && heard
        {
            body.boot = body.boot_elsewhere.take().unwrap_or(body.boot);
        }
        self.network.messages.retain(|message, body| {
            if let Message::Rpc { awaited, .. } = body {
                *awaited &= message.from != place;
                return true;
            }
            message.to != place
        });
        self.network.connections.retain(|_, connection| connection.to != id || !connection.closed);
        let mut peers = Vec::new();
        for (session, connection) in &mut self.network.connections {
            if connection.to == id && !connection.ended {
                connection.ended = true;
                peers.push((*session, connection.from));
            }
        }
        for (session, from) in peers.into_iter().filter(|_| heard) {
            self.network.send(Kind::Close, false, place, from, Message::Close { session });
        }
    }
}

/// Names whose heartbeat thread is idle.
fn beats(instance: &Instance<Payload>) -> impl Iterator<Item = ReplicaName> {
    let clients = match &instance.process {
        Some(process) => match &process.role {
            Role::Main(main) => &main.clients[..],
            Role::Replica(_) => &[],
        },
        None => &[],
    };
    clients
        .iter()
        .filter(|client| client.registration.heartbeats)
        .filter(|client| client.live.as_ref().is_some_and(|live| live.beat.is_none()))
        .map(|client| client.registration.name)
}
