//! What operators order: fields of what is asked for, each with a number of its own. None of it is a
//! decision, and none changes anything by itself.

use super::{Refused, Step, World};
use ha_core::{
    desired::{AcceptedLoss, ResetRequest, SwitchoverRequest},
    ids::{InstanceId, RequestId},
    record::Aside,
};

impl World {
    pub(super) fn accept_loss(&mut self, main: InstanceId) -> Step {
        let id = self.next_request();
        let of = self.api.record().map(|record| record.term);
        self.desired.accepts = Some(AcceptedLoss { id, main, of });
        Ok(())
    }

    pub(super) fn order_restore(&mut self, of: InstanceId) -> Step {
        let aside = self.body(of)?.aside.as_ref();
        let (volume, _) = aside.ok_or(Refused::NotNow("nothing was set aside there"))?;
        let volume = *volume;
        self.order_reset(of, Some(Aside::Of(volume)))
    }

    fn next_request(&mut self) -> RequestId {
        self.truth.requests += 1;
        RequestId(self.truth.requests.into())
    }

    pub(super) fn order_reset(&mut self, of: InstanceId, restores: Option<Aside>) -> Step {
        let volume = self.body(of)?.volume_id;
        let id = self.next_request();
        self.desired.reset = Some(ResetRequest { id, of, volume, restores });
        Ok(())
    }

    pub(super) fn order_pause(&mut self, paused: bool) -> Step {
        self.desired.paused = paused;
        Ok(())
    }

    pub(super) fn order_switchover(&mut self, to: Option<InstanceId>) -> Step {
        let id = self.next_request();
        self.desired.switchover = Some(SwitchoverRequest { id, to });
        Ok(())
    }
}
