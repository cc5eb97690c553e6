//! Following the record until an order is carried out or refused, with progress for whoever waits.

use super::{NOT_SO, Operator};
use ha_core::record::Record;
use std::{process::ExitCode, time::Duration};
use tokio::time::{Instant, sleep};

/// How often the record is read.
const LOOK: Duration = Duration::from_millis(200);

/// What the record says of an order.
pub(crate) enum Progress {
    /// It is carried out.
    Done(String),
    /// It is answered, and not carried out.
    Refused(String),
    /// It is under way, or not begun.
    Still(String),
}

/// Waits until `judge` says of the record that the order is over. What stands after the limit is said
/// as `what`.
pub(crate) async fn follow(
    operator: &Operator,
    limit: Duration,
    what: &str,
    judge: impl Fn(&Record) -> Progress,
) -> ExitCode {
    until_over(limit, what, async || match operator.cluster().read_record().await {
        Ok(stored) => {
            let none = || Progress::Still("there is no record yet".to_owned());
            stored.record().map_or_else(none, &judge)
        }
        Err(error) => Progress::Still(error.to_string()),
    })
    .await
}

/// Looks again and again until the order is over. What stands after the limit is said as `what`.
pub(crate) async fn until_over(
    limit: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Progress,
) -> ExitCode {
    let until = Instant::now() + limit;
    let mut said = String::new();
    while Instant::now() < until {
        let now = match look().await {
            Progress::Done(done) => {
                println!("done: {done}");
                return ExitCode::SUCCESS;
            }
            Progress::Refused(why) => {
                eprintln!("refused: {why}");
                return ExitCode::from(NOT_SO);
            }
            Progress::Still(now) => now,
        };
        if now != said {
            eprintln!("{now}");
            said = now;
        }
        sleep(LOOK).await;
    }
    eprintln!("not carried out within {} s; {what} stands", limit.as_secs());
    ExitCode::from(NOT_SO)
}
