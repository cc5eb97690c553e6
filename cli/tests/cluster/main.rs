//! A whole cluster of processes, seen and ordered about as gateways, dashboards and people do it, with
//! one body for two API servers: the one in memory, and a real one that the environment names.

// Each body is a test, and none of them is marked as one here.
#![allow(clippy::unwrap_used)]

mod amiss;
#[path = "../../../shell-k8s/tests/http_support/client.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with tests of another crate")]
mod client;
#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part")]
mod common;
mod faults;
mod frozen;
mod gateways;
mod http;
#[path = "../../../bolt/tests/common/memory.rs"]
mod memory;
mod orders;
mod outage;
mod people;
#[path = "../../../instance/tests/ports/mod.rs"]
mod ports;
mod secrets;
mod site;
mod stop;
mod writers;

use site::PATIENCE;

/// Two tests of each body: `in_memory` always, `real` where that is asked for.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod in_memory {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(crate::site::Server::in_memory().await).await;
                }
            )+
        }
        mod real {
            $(
                #[tokio::test]
                #[ignore = "needs a real API server: e2e/apiserver runs it"]
                async fn $name() {
                    super::$name(crate::site::Server::real()).await;
                }
            )+
        }
    };
}
pub(crate) use on_both;
