//! What the tests of the core share: observations as a reviewer would draw them, and ways to spoil
//! them. Nothing here judges.

pub(crate) mod bases;
pub(crate) mod judged;
pub(crate) mod runs;
pub(crate) mod spoil;
