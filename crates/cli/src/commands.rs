//! One file a command.

mod close;
mod completions;
mod contexts;
mod demo;
mod import;
mod list;
mod manual;
mod plan;
mod record;
mod replay;
mod request;
mod requests;
mod sandbox;
mod services;
mod start;
mod why;

pub(crate) use close::close;
pub(crate) use completions::completions;
pub(crate) use contexts::contexts;
pub(crate) use demo::demo;
pub(crate) use import::import;
pub(crate) use list::list;
pub(crate) use manual::manual;
pub(crate) use plan::plan;
pub(crate) use record::record;
pub(crate) use replay::replay;
pub(crate) use request::request;
pub(crate) use requests::requests;
pub(crate) use sandbox::sandbox;
pub(crate) use services::services;
pub(crate) use start::start;
pub(crate) use why::{probe, why};
