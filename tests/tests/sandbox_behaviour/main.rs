//! The engine's whole behaviour on a sandbox: every plan cut after every step, every fault at every call, races, and
//! random histories. Whatever happens, the Service is in the end byte for byte what it was, and nothing is left.
//!
//! The steps and calls come from a recorded run, so a new one is covered without a change here. The stand-in takes
//! NGINX's place: the agent's parts, the API server and the controllers are the real ones, routing is not the subject.
//! A normal run takes a fixed choice of faults; `INTERCEPT_ALL_FAULTS=1` takes every effect at every call, and
//! `INTERCEPT_HISTORIES=200` that many random histories.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "functions of tests, which clippy does not take for tests"
)]

mod agents;
mod cuts;
mod faults;
mod kills;
mod place;
mod program;
mod races;
mod random;
mod reach;
mod steps;
mod world;
