//! What the window is told and what it asks for, as it travels. `ui/src/bindings/wire.ts` is generated from these types;
//! types of the engine and the inspector cross as they are where a window needs all of them.
//!
//! Deliberately absent: how any of it comes about.

mod event;
mod intercept;
mod place;
mod preferences;
mod request;
mod wish;

pub use event::{DeskEvent, Goal, ServicesChange, TimelineEntry, TimelineKind};
pub use intercept::{Ending, EndingKind, InterceptView, Relay, StepState, StepView};
pub use place::{Connection, Context, Listener, TargetCheck};
pub use preferences::{Hello, Preferences, Theme};
pub use request::{
    EditableHeader, EditedRequest, ExportFormat, MockView, MockWish, ReplayAnswer, ReplayTo, ReplayWish,
    RequestBody, RequestChanges, RequestCount, RequestDetail, RequestPage, RequestText, Selection,
    StoreUsage,
};
pub use wish::{Check, CheckState, InterceptWish, MarkWish, PlanView, PlannedStep, Way};

pub use intercept_engine::probe::ProbeReport;
pub use intercept_engine::tap::Level as RecordingLevel;
pub use intercept_inspect::decode::Half as BodyHalf;
pub use intercept_inspect::diff::Difference;
pub use intercept_inspect::exchange::ExchangeId;
pub use intercept_inspect::store::{Cursor, Version};
