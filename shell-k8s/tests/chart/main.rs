//! The chart, by what `charts/check` keeps of it: who reaches whom, what its containers may do, and
//! that it says what the code says.

mod containers;
mod metrics;
mod network;
mod rendered;
mod settings;
mod versions;
