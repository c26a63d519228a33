//! Watches: a stream of events behind a cursor, with bookmarks, and faults on order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::list::{Form, metadata};
use super::respond::{self, Answer, Cut};
use super::route::{Query, Target};
use super::selector::Selector;
use super::status::Failure;
use super::{Api, table};
use crate::faults::{Call, WatchFault};
use crate::store::{Change, Event, Object};

/// A real server ends a watch that names no end after half an hour or more.
const LONGEST: Duration = Duration::from_secs(45 * 60);

/// A watch on its way.
struct Feed {
    api: Arc<Api>,
    target: Target,
    selector: Selector,
    form: Form,
    call: Call,
    /// Everything up to here was told, or need not be.
    cursor: u64,
    news: watch::Receiver<u64>,
    faults: watch::Receiver<u64>,
    waiting: VecDeque<Bytes>,
    bookmarks: Option<Instant>,
    ends: Instant,
    is_stale: bool,
    is_over: bool,
}

impl Api {
    pub(crate) fn watch(
        self: &Arc<Self>,
        target: &Target,
        query: &Query,
        form: Form,
        call: Call,
    ) -> Result<Answer, Failure> {
        let selector = Selector::parse(
            target.kind,
            query.text("labelSelector"),
            query.text("fieldSelector"),
        )?;
        let seconds = query.number("timeoutSeconds")?.map(Duration::from_secs);
        let has_bookmarks = query.flag("allowWatchBookmarks");
        let now = Instant::now();
        let mut feed = Feed {
            api: self.clone(),
            target: target.clone(),
            selector,
            form,
            call,
            cursor: 0,
            // Before anything is read, so that nothing between is missed.
            news: self.store.news(target.kind),
            faults: self.faults.changes(),
            waiting: VecDeque::new(),
            bookmarks: has_bookmarks.then(|| now + self.bookmarks),
            ends: now + seconds.unwrap_or(LONGEST),
            is_stale: false,
            is_over: false,
        };
        feed.begin(query)?;
        let pieces = futures::stream::unfold(feed, |mut feed| async move {
            let piece = feed.next().await?;
            Some((piece, feed))
        });
        Ok(respond::stream("application/json", pieces))
    }
}

impl Feed {
    /// Where the watch starts: with all there is, or behind a version.
    fn begin(&mut self, query: &Query) -> Result<(), Failure> {
        let asked = query.text("resourceVersion");
        let version: u64 = match asked {
            "" => 0,
            text => text.parse().map_err(|_| {
                Failure::bad_request(format!(
                    "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: invalid syntax"
                ))
            })?,
        };
        let wants_initial = query.get("sendInitialEvents");
        let initial = match wants_initial {
            Some(_) if query.get("resourceVersionMatch") != Some("NotOlderThan") => {
                return Err(Failure::bad_request(
                    "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires \
                     setting resourceVersionMatch to NotOlderThan",
                ));
            }
            Some(text) => text == "true",
            None => version == 0,
        };
        if !initial {
            self.cursor = version;
            return Ok(());
        }
        let api = self.api.clone();
        let objects: Vec<Arc<Object>> = api.store.read(|state| {
            self.cursor = state.version();
            let namespace = Some(self.target.namespace.as_str()).filter(|one| !one.is_empty());
            state
                .list(self.target.kind, namespace)
                .filter(|object| self.selector.matches(object))
                .cloned()
                .collect()
        });
        for object in objects {
            self.tell("ADDED", &object);
        }
        if wants_initial == Some("true") && self.bookmarks.is_some() {
            self.bookmark(true);
        }
        Ok(())
    }

    async fn next(&mut self) -> Option<Result<Bytes, Cut>> {
        loop {
            if let Some(fault) = self.api.faults.watch(&self.call) {
                match fault {
                    WatchFault::Drop => return self.cut(),
                    WatchFault::Stale => self.is_stale = true,
                    WatchFault::Gone => self.expire("too old resource version: a fault was ordered"),
                }
            }
            if let Some(line) = self.waiting.pop_front() {
                return Some(Ok(line));
            }
            if self.is_over {
                return None;
            }
            if self.is_stale {
                // Silent, whatever happens, until its time is over.
                self.await_fault_or_end().await;
                continue;
            }
            self.news.borrow_and_update();
            self.read_events();
            if self.waiting.is_empty() && !self.is_over {
                self.wait().await;
            }
        }
    }

    fn cut(&mut self) -> Option<Result<Bytes, Cut>> {
        self.is_over = true;
        self.waiting.clear();
        Some(Err(Cut))
    }

    async fn await_fault_or_end(&mut self) {
        tokio::select! {
            _ = self.faults.changed() => {}
            () = sleep_until(self.ends) => self.is_over = true,
        }
    }

    async fn wait(&mut self) {
        let bookmark = self.bookmarks.unwrap_or(self.ends);
        tokio::select! {
            changed = self.news.changed() => self.is_over = changed.is_err(),
            _ = self.faults.changed() => {}
            () = sleep_until(self.ends) => self.is_over = true,
            () = sleep_until(bookmark), if self.bookmarks.is_some() => self.bookmark(false),
        }
    }

    fn read_events(&mut self) {
        let api = self.api.clone();
        let read = api.store.read(|state| {
            let events = state.changes(self.target.kind, self.cursor)?;
            let events: Vec<Event> = events.cloned().collect();
            // Versions of other kinds count too: a bookmark may say so.
            Ok::<_, crate::store::TooOld>((events, state.version().max(self.cursor)))
        });
        match read {
            Ok((events, version)) => {
                events.iter().for_each(|event| self.event(event));
                self.cursor = version;
            }
            Err(too_old) => self.expire(&too_old.to_string()),
        }
    }

    /// An object that enters or leaves the selector is added or deleted for this watch.
    fn event(&mut self, event: &Event) {
        let object = &event.object;
        if !self.target.namespace.is_empty() && object.namespace() != self.target.namespace {
            return;
        }
        let is = self.selector.matches(object);
        match &event.change {
            Change::Added if is => self.tell("ADDED", object),
            Change::Modified(before) => match (self.selector.matches(before), is) {
                (true, true) => self.tell("MODIFIED", object),
                (false, true) => self.tell("ADDED", object),
                (true, false) => self.tell("DELETED", object),
                (false, false) => {}
            },
            Change::Deleted if is => self.tell("DELETED", object),
            Change::Added | Change::Deleted => {}
        }
    }

    fn tell(&mut self, what: &str, object: &Arc<Object>) {
        let shown = match self.form {
            Form::Object => object.json(),
            Form::Metadata => metadata(object).to_string().into(),
            Form::Table(with) => {
                let meta = json!({ "resourceVersion": object.version.to_string() });
                table::of(self.target.kind, std::slice::from_ref(object), with, &meta)
                    .to_string()
                    .into()
            }
        };
        let mut line = Vec::with_capacity(shown.len() + 32);
        line.extend_from_slice(format!("{{\"type\":\"{what}\",\"object\":").as_bytes());
        line.extend_from_slice(&shown);
        line.extend_from_slice(b"}\n");
        self.waiting.push_back(line.into());
    }

    fn bookmark(&mut self, is_initial: bool) {
        let mut meta = json!({ "resourceVersion": self.cursor.to_string(), "creationTimestamp": null });
        if is_initial {
            meta["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
        }
        let object = json!({
            "kind": self.target.kind.kind, "apiVersion": self.target.kind.api_version(), "metadata": meta,
        });
        self.push("BOOKMARK", &object);
        self.bookmarks = Some(Instant::now() + self.api.bookmarks);
    }

    fn expire(&mut self, why: &str) {
        self.push("ERROR", &Failure::expired(why).json());
        self.is_over = true;
    }

    fn push(&mut self, what: &str, object: &Value) {
        let line = json!({ "type": what, "object": object }).to_string() + "\n";
        self.waiting.push_back(line.into());
    }
}
