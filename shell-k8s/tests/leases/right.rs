//! Rule 14, judged in each millisecond of the world's time, not only when somebody promotes: while a
//! gateway would forward under a grant, nobody but whoever gave it may promote, whether the right under
//! which it was given still runs or not.

use crate::{
    seat::{Court, gateway_clock},
    theatre::Theatre,
};
use ha_core::grant::GrantHolder;
use shell_k8s::controller::Controller;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::sleep;

/// What was judged, which is to be enough.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Judged {
    /// Milliseconds in which the gateway would have forwarded.
    pub(crate) alive: u64,
    /// Those of them in which the right of whoever gave the grant was over: clocks run apart.
    pub(crate) outlived: u64,
    /// Those of them in which another controller had taken the lease over already.
    pub(crate) taken: u64,
}

/// Judges for ever.
pub(crate) async fn judge(
    theatre: Theatre,
    gateway: Arc<Mutex<GrantHolder>>,
    court: Arc<Mutex<Court>>,
) {
    loop {
        sleep(Duration::from_millis(1)).await;
        let clocks = gateway_clock(&theatre, &court);
        let live = gateway.lock().expect("no test panics with it").live(clocks);
        let Some(grant) = live else { continue };
        // A controller's clock asks the court, too: it is not held meanwhile.
        let giver = court.lock().expect("no test panics with it").giver.clone();
        let giver = giver.expect("somebody gave it");
        let has_right = giver.leads() || giver.grants_on_promises();
        let mut others = theatre.stage().controllers.clone();
        others.retain(|it| it.me() != giver.me());
        let taken = others.iter().any(Controller::leads);
        others.retain(Controller::may_promote);
        let mut court = court.lock().expect("no test panics with it");
        court.judged.alive += 1;
        court.judged.outlived += u64::from(!has_right);
        court.judged.taken += u64::from(taken);
        for other in others {
            let (by, to) = (giver.me(), other.me());
            let right = if has_right { "runs" } else { "is over" };
            let why =
                format!("{to} may promote while {grant:?} of {by} is alive, whose right {right}");
            // As long as it lasts, once.
            if court.broken.last() != Some(&why) {
                court.broken.push(why);
            }
        }
    }
}
