//! One file a command.

mod close;
mod completions;
mod contexts;
mod demo;
mod list;
mod plan;
mod sandbox;
mod services;
mod start;

pub(crate) use close::close;
pub(crate) use completions::completions;
pub(crate) use contexts::contexts;
pub(crate) use demo::demo;
pub(crate) use list::list;
pub(crate) use plan::plan;
pub(crate) use sandbox::sandbox;
pub(crate) use services::services;
pub(crate) use start::start;
