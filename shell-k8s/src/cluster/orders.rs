//! What operators ask for while a cluster runs: one ConfigMap, read with everything else, written by
//! commands. Losing or doubling the event of a change is harmless.

use super::{ApiError, Cluster, version};
use crate::entrypoint::drawn;
use ha_core::{
    desired::{AcceptedLoss, Desired, ResetRequest, SwitchoverRequest},
    ids::{InstanceId, RequestId, ResourceVersion, Term, VolumeId},
    record::Aside,
};
use k8s_openapi::api::core::v1::ConfigMap;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The one key.
const ORDERS: &str = "orders";
/// How often a command tries again after another one came first.
const TRIES: usize = 5;

/// The parts of [`Desired`] that operators change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Orders {
    /// Observe and explain, change nothing.
    pub paused: bool,
    /// Move the main.
    pub switchover: Option<SwitchoverRequest>,
    /// Go on although something may be lost.
    pub accepts: Option<AcceptedLoss>,
    /// Set the data of an instance aside.
    pub reset: Option<ResetRequest>,
}

impl Orders {
    /// Puts these in place of what `desired` says.
    pub const fn apply(&self, desired: &mut Desired) {
        desired.paused = self.paused;
        desired.switchover = self.switchover;
        desired.accepts = self.accepts;
        desired.reset = self.reset;
    }
}

/// The text of the key. What is not named is not asked for; what is not known is a mistake.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(default)]
    paused: bool,
    #[serde(default)]
    switchover: Option<Switchover>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accepts: Option<Accepts>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reset: Option<Reset>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    id: RequestId,
    of: InstanceId,
    /// The volume that its speaker saw.
    volume: VolumeId,
    /// What takes its place: `latest`, or `{"of":"1f"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    restores: Option<Aside>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepts {
    id: RequestId,
    main: InstanceId,
    /// The term of the record of which it was said.
    term: Option<Term>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Switchover {
    id: RequestId,
    to: Option<InstanceId>,
}

impl Cluster {
    /// Reads what operators ask for; nothing, if nobody did.
    ///
    /// # Errors
    /// No answer, a refusal, or a text that is not understood.
    pub async fn orders(&self) -> Result<Orders, ApiError> {
        self.read_orders().await.map(|(_, orders)| orders)
    }

    /// Asks for a move of the main, to an instance or to whichever is best; the number of the
    /// request. One that was asked for before and not carried out is replaced.
    ///
    /// # Errors
    /// An instance that is not of this cluster, or as for [`Cluster::orders`]; after no answer the
    /// request may stand.
    pub async fn write_switchover(&self, to: Option<InstanceId>) -> Result<RequestId, ApiError> {
        let what = "ask for a switchover in";
        self.check(to).map_err(|why| ApiError::unreadable(what, &self.orders_object(), why))?;
        let id = self.number(what)?;
        let request = SwitchoverRequest { id, to };
        self.change_orders(|orders| orders.switchover = Some(request)).await?;
        Ok(id)
    }

    /// Says that the cluster is to go on with `main`, whatever that one lacks; the number of the
    /// request. Controllers use that word once, in the term of the record of which it was said (none
    /// where there is no record), and only where nobody is proven to have everything.
    ///
    /// # Errors
    /// As for [`Cluster::write_switchover`].
    pub async fn write_accepted(
        &self,
        main: InstanceId,
        of: Option<Term>,
    ) -> Result<RequestId, ApiError> {
        let what = "accept a loss in";
        self.check(Some(main))
            .map_err(|why| ApiError::unreadable(what, &self.orders_object(), why))?;
        let id = self.number(what)?;
        let word = AcceptedLoss { id, main, of };
        self.change_orders(|orders| orders.accepts = Some(word)).await?;
        Ok(id)
    }

    /// Says that the data of `of` on `volume` is to be set aside, and what takes its place; the number
    /// of the request. Controllers record it once, and only where nobody needs that data: the main
    /// and a voter beside that instance have everything.
    ///
    /// # Errors
    /// As for [`Cluster::write_switchover`]; also instances beyond the size of the cluster are taken.
    pub async fn write_reset(
        &self,
        of: InstanceId,
        volume: VolumeId,
        restores: Option<Aside>,
    ) -> Result<RequestId, ApiError> {
        let id = self.number("ask for a reset in")?;
        let word = ResetRequest { id, of, volume, restores };
        self.change_orders(|orders| orders.reset = Some(word)).await?;
        Ok(id)
    }

    fn number(&self, what: &'static str) -> Result<RequestId, ApiError> {
        let drawn = drawn().map_err(|error| {
            let why = format!("no number for a request: {error}");
            ApiError::Broken { what, object: self.orders_object(), why }
        })?;
        Ok(RequestId(drawn))
    }

    /// Asks controllers to change nothing, or to go on.
    ///
    /// # Errors
    /// As for [`Cluster::orders`]; after no answer it may stand.
    pub async fn set_paused(&self, paused: bool) -> Result<(), ApiError> {
        self.change_orders(|orders| orders.paused = paused).await
    }

    fn orders_object(&self) -> String {
        self.object::<ConfigMap>(&self.names.orders())
    }

    fn check(&self, to: Option<InstanceId>) -> Result<(), String> {
        let count = self.names.count();
        match to {
            Some(to) if !self.names.has(to) => {
                Err(format!("there is no instance {to}, expected mg-0 to mg-{}", count - 1))
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn read_orders(&self) -> Result<(Option<ResourceVersion>, Orders), ApiError> {
        let name = self.names.orders();
        let Some(map) = self.read(&self.config_maps(), &name).await? else {
            return Ok((None, Orders::default()));
        };
        let unreadable = |why| ApiError::unreadable("read", &self.orders_object(), why);
        let version = version(&map.metadata).map_err(unreadable)?;
        let orders = self.understand(&map).map_err(unreadable)?;
        Ok((Some(version), orders))
    }

    fn understand(&self, map: &ConfigMap) -> Result<Orders, String> {
        let data = map.data.clone().unwrap_or_default();
        let Some(text) = data.get(ORDERS) else {
            return match data.keys().next() {
                None => Ok(Orders::default()),
                Some(key) => Err(format!("there is a key {key}, expected {ORDERS}")),
            };
        };
        let text: Text = serde_json::from_str(text).map_err(|error| {
            format!(
                "key {ORDERS}: {error}; expected \
                 {{\"paused\":false,\"switchover\":{{\"id\":\"1f\",\"to\":\"mg-1\"}}}}"
            )
        })?;
        let switchover =
            text.switchover.map(|asked| SwitchoverRequest { id: asked.id, to: asked.to });
        let accepts =
            text.accepts.map(|word| AcceptedLoss { id: word.id, main: word.main, of: word.term });
        // That an instance is beyond the size is an answer to its order: orders stay when they are done,
        // and the cluster may be smaller by then.
        let reset = text.reset.map(|word| {
            let Reset { id, of, volume, restores } = word;
            ResetRequest { id, of, volume, restores }
        });
        Ok(Orders { paused: text.paused, switchover, accepts, reset })
    }

    async fn change_orders(&self, change: impl Fn(&mut Orders)) -> Result<(), ApiError> {
        let name = self.names.orders();
        let mut tries = 0;
        loop {
            let (version, mut orders) = self.read_orders().await?;
            change(&mut orders);
            let switchover = orders.switchover;
            let switchover =
                switchover.map(|request| Switchover { id: request.id, to: request.to });
            let accepts =
                orders.accepts.map(|word| Accepts { id: word.id, main: word.main, term: word.of });
            let reset = orders.reset.map(|word| {
                let ResetRequest { id, of, volume, restores } = word;
                Reset { id, of, volume, restores }
            });
            let text = Text { paused: orders.paused, switchover, accepts, reset };
            let text = serde_json::to_string(&text).map_err(|error| {
                ApiError::unreadable("write", &self.orders_object(), error.to_string())
            })?;
            let labels = self.names.labels();
            let object = json!({"metadata": {"labels": labels}, "data": {ORDERS: text}});
            tries += 1;
            match self.write(&self.config_maps(), &name, version, object).await {
                Ok(_) => return Ok(()),
                // Another command came first, hence this one was not carried out.
                Err(error) if tries < TRIES && (error.is_conflict() || error.is_gone()) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
