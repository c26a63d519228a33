//! The program behind the window, without the window.
#![warn(missing_docs)]

#[cfg(test)]
mod bindings;
mod contract;
pub mod error;
pub mod wire;
