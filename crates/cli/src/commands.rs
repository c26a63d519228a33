//! One file a command.

mod close;
mod completions;
mod contexts;
mod list;
mod plan;
mod services;
mod start;

pub(crate) use close::close;
pub(crate) use completions::completions;
pub(crate) use contexts::contexts;
pub(crate) use list::list;
pub(crate) use plan::plan;
pub(crate) use services::services;
pub(crate) use start::start;
