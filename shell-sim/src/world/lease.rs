//! How a controller holds the lease: it reads and writes it, and asks the others for promises. What
//! follows from that is judged by the core.

use super::{
    Refused, Step, World,
    happening::Happening,
    names::{ControllerNo, Kind, Place},
    network::Body,
};
use ha_core::{
    history::Sample,
    ids::ControllerId,
    leadership::{LeaseSample, Millis, Word},
};

impl World {
    pub(super) fn read_pods(&mut self, no: ControllerNo) -> Step {
        self.may_read(no)?;
        let pods: Vec<_> =
            self.instances().zip(self.bodies.iter().map(super::Body::pod_view)).collect();
        let ended = self.ended_members(no)?;
        let (process, now) = self.acting(no)?;
        for (id, pod) in pods {
            process.pods.insert(id, pod);
            process.take(now, Sample::Pod { id, pod });
        }
        for id in ended {
            process.leader.unlisted(now, id);
        }
        Ok(())
    }

    pub(super) fn read_record(&mut self, no: ControllerNo, stale: u8) -> Step {
        self.may_read(no)?;
        let stored = self
            .api
            .stored(stale)
            .ok_or(Refused::NotNow("no version of the record is that old"))?;
        let (process, now) = self.acting(no)?;
        process.take_record(now, stored);
        Ok(())
    }

    pub(super) fn read_lease(&mut self, no: ControllerNo, stale: u8) -> Step {
        self.may_read(no)?;
        let (lease, timing) = (self.api.lease(stale), self.settings.counted());
        let (process, now) = self.acting(no)?;
        match lease {
            Some(lease) => process.leader.saw(now, lease, &timing),
            None if stale == 0 => process.leader.saw_none(now),
            None => return Err(Refused::NotNow("no version of the lease is that old")),
        }
        Ok(())
    }

    fn may_read(&self, no: ControllerNo) -> Step {
        if self.api_reads(no) {
            Ok(())
        } else {
            Err(Refused::NotNow("the API server cannot be read from there"))
        }
    }

    /// Renews the lease, or campaigns for it.
    pub(super) fn renew(&mut self, no: ControllerNo, release: bool) -> Step {
        let timing = self.settings.counted();
        let (process, now) = self.acting(no)?;
        let expected = match process.leader.renewal() {
            Some(version) => Some(version),
            None if release => return Err(Refused::NotNow("it does not hold the lease")),
            None => process.leader.campaign(now, &timing).ok_or(Refused::NotNow(
                "it does not hold the lease, and it is too early to campaign",
            ))?,
        };
        let by = process.me();
        let members = process.leader.members(now, &timing);
        if release {
            // Whoever gives the lease up has no right from the moment before it says so.
            process.leader.released();
        } else {
            process.leader.writes(expected, members.clone());
        }
        let body = Body::LeaseWrite { by, expected, release, members, sent: now };
        self.network.send(Kind::Lease, false, Place::Controller(no), Place::Api, body);
        Ok(())
    }

    pub(super) fn lease_answered(
        &mut self,
        no: ControllerNo,
        sent: Millis,
        lease: Option<LeaseSample>,
        out: &mut Vec<Happening>,
    ) -> Step {
        let timing = self.settings.counted();
        let (process, now) = self.acting(no)?;
        match lease {
            Some(lease) if lease.holder.is_none() => process.leader.saw(now, lease, &timing),
            Some(lease) => {
                let before = process.leader.acquired();
                process.leader.renewed(now, sent, lease);
                if process.leader.acquired() != before {
                    out.push(Happening::Leads(no));
                }
            }
            None => {}
        }
        Ok(())
    }

    /// Whether a controller could ask others for promises.
    pub(super) fn may_ask_peers(&self, no: ControllerNo) -> bool {
        self.settings.promises && self.controller_numbers().any(|other| other != no)
    }

    /// Asks every other controller for a promise, but those that it waits for already.
    pub(super) fn ask_peers(&mut self, no: ControllerNo) -> Step {
        if !self.may_ask_peers(no) {
            return Err(Refused::NotNow("there is no other controller to ask"));
        }
        let (process, sent) = self.acting(no)?;
        let by = process.me();
        let others: Vec<_> = self.controller_numbers().filter(|other| *other != no).collect();
        for other in others {
            let (from, to) = (Place::Controller(no), Place::Controller(other));
            if !self.network.is_under_way(Kind::Peer, from, to) {
                let body = Body::PeerQuestion { by, sent };
                self.network.send(Kind::Peer, false, from, to, body);
            }
        }
        Ok(())
    }

    pub(super) fn peer_asked(
        &mut self,
        no: ControllerNo,
        asker: Place,
        by: ControllerId,
        sent: Millis,
    ) -> Step {
        let settings = self.settings.clone();
        let (process, now) = self.acting(no)?;
        let word = process.promise(now, by, &settings);
        let body = Body::PeerAnswer { from: process.me(), sent, word };
        self.network.send(Kind::Peer, true, Place::Controller(no), asker, body);
        Ok(())
    }

    pub(super) fn peer_told(
        &mut self,
        no: ControllerNo,
        (sent, from, word): (Millis, ControllerId, Word),
    ) -> Step {
        let timing = self.settings.counted();
        let (process, _) = self.acting(no)?;
        process.leader.told(sent, from, word, &timing);
        Ok(())
    }

    /// Members of the lease as this controller last read it, whose processes do not run any more.
    fn ended_members(&self, no: ControllerNo) -> Result<Vec<ControllerId>, Refused> {
        let processes = self.controllers.iter().filter_map(|place| place.process.as_deref());
        let members = self.controller(no)?.leader.listed();
        Ok(members.filter(|id| !processes.clone().any(|process| process.me() == *id)).collect())
    }
}
