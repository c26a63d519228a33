//! What is told unasked, to whoever listens: the window, and the shell for its tray.
//!
//! Hearing must not take long: whoever has more to do takes notes and does it elsewhere.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::wire::{DeskEvent, Goal};

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
pub(crate) struct Feed(Arc<RwLock<State>>);

#[derive(Default)]
struct State {
    listeners: BTreeMap<Listener, Hear>,
    /// Where somebody wanted to go while there was no page: a link may be what started the program.
    unheard: Option<Goal>,
}

impl Feed {
    pub(crate) fn listen(&self, who: Listener, hear: Hear) {
        let late = {
            let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
            let unheard = state.unheard.take_if(|_| who == Listener::Window);
            let late = unheard.map(|goal| (goal, Arc::clone(&hear)));
            state.listeners.insert(who, hear);
            late
        };
        if let Some((goal, hear)) = late {
            hear(&DeskEvent::Go(goal));
        }
    }

    pub(crate) fn tell(&self, event: &DeskEvent) {
        let listeners: Vec<Hear> = {
            let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if let DeskEvent::Go(goal) = event
                && !state.listeners.contains_key(&Listener::Window)
            {
                state.unheard = Some(goal.clone());
            }
            state.listeners.values().cloned().collect()
        };
        listeners.iter().for_each(|hear| hear(event));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_page_that_comes_late_hears_where_to_go_and_only_once() {
        let feed = Feed::default();
        feed.tell(&DeskEvent::Go(Goal::Services));
        feed.tell(&DeskEvent::Go(Goal::Inspector));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hear = || -> Hear {
            let heard = Arc::clone(&heard);
            Arc::new(move |event| heard.lock().unwrap().push(format!("{event:?}")))
        };
        feed.listen(Listener::Shell, Arc::new(|_| {}));
        assert!(heard.lock().unwrap().is_empty());
        feed.listen(Listener::Window, hear());
        assert_eq!(*heard.lock().unwrap(), ["Go(Inspector)"]);
        feed.listen(Listener::Window, hear());
        assert_eq!(heard.lock().unwrap().len(), 1);
    }
}
