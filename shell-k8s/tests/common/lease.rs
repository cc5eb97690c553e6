//! Leases of tests, and whom they name.

use ha_core::{
    ids::{ControllerId, ResourceVersion},
    leadership::LeaseSample,
};
use shell_k8s::controller::{Lease, Members};

pub(crate) const ONE: ControllerId = ControllerId(0xaf);
pub(crate) const OTHER: ControllerId = ControllerId(u128::MAX);

/// Whom a lease names here.
pub(crate) fn pods() -> Members {
    Members::from([(ONE, "pod-of-one".to_owned()), (OTHER, String::new())])
}

pub(crate) fn known(version: ResourceVersion, holder: Option<ControllerId>) -> Lease {
    let sample = LeaseSample { version, holder, members: pods().into_keys().collect() };
    Lease { sample, pods: pods() }
}
