//! What is told unasked, to whoever listens: the window, and the shell for its tray.
//!
//! Hearing must not take long: whoever has more to do takes notes and does it elsewhere.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::wire::DeskEvent;

/// Called with each event.
type Hear = Arc<dyn Fn(&DeskEvent) + Send + Sync>;

/// Who listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Listener {
    /// The window; a page that is loaded again takes the place of the one before.
    Window,
    /// The tray and the notifications.
    Shell,
}

/// Tells events. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Feed(Arc<RwLock<BTreeMap<Listener, Hear>>>);

impl Feed {
    pub(crate) fn listen(&self, who: Listener, hear: Hear) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(who, hear);
    }

    pub(crate) fn tell(&self, event: &DeskEvent) {
        let listeners: Vec<Hear> = {
            let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
            all.values().cloned().collect()
        };
        listeners.iter().for_each(|hear| hear(event));
    }
}
