//! Everything about NGINX: what it can do, what it is told, and whether it does it.

pub mod binary;
pub mod process;
pub mod quote;
pub mod render;

pub use binary::Binary;
pub use process::{ApplyError, Nginx};
pub use render::{Mode, Place, render};
