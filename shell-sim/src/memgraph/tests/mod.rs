//! The machine against the reference, a few instances and a tiny network at a time. Each test
//! names the section it stands for.

mod commands;
mod commits;
mod durability;
mod epochs;
mod modes;
mod net;
mod random;
mod registration;
mod states;
mod texts;
