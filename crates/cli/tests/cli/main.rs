//! The real binary from outside, without a cluster.

mod bad_input;
mod help;
mod requests;
mod rig;
