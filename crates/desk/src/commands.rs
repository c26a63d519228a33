//! The commands of the table: each asks the parts and converts the answer.

use std::path::Path;

use intercept_engine::preview::preview;
use intercept_engine::{discover, residue, settings};
use intercept_inspect::exchange::ExchangeId;
use intercept_inspect::store::{Cursor, Version};
use intercept_protocol::ids::InterceptId;

use crate::desk::{Desk, RECENT, redaction};
use crate::error::{CommandError, ErrorCode};
use crate::requests::{get, selected};
use crate::wire::{
    BodyHalf, Context, DeskEvent, Difference, EditedRequest, ExportFormat, Hello, InterceptWish, Listener,
    MockView, MockWish, PlanView, Preferences, ProbeReport, RecordingLevel, ReplayAnswer, ReplayTo,
    ReplayWish, RequestBody, RequestCount, RequestDetail, RequestPage, RequestText, Selection,
    ServicesChange, StoreUsage, TargetCheck, TimelineKind,
};
use crate::{diagnostics, export, local, mocks, plan, replay, wish};

type Answer<T> = Result<T, CommandError>;

/// The end of the log that goes with diagnostics.
const LOG: u64 = 64 * 1024;

#[allow(missing_docs, reason = "the table says what each does")]
#[allow(clippy::missing_errors_doc, reason = "each refuses as its error says")]
#[allow(clippy::unused_async, reason = "all are asked in the same way")]
impl Desk {
    pub async fn hello(&self) -> Answer<Hello> {
        let inner = &self.0;
        Ok(Hello {
            version: inner.options.version.clone(),
            owner: settings::owner(None).map_or_else(|_| String::new(), |owner| owner.to_string()),
            preferences: inner.preferences.get(),
            intercepts: inner.intercepts.views(),
            timeline: inner.timeline.all(),
            missing: inner.missing.clone(),
            has_tray: inner.options.has_tray,
        })
    }

    pub async fn list_contexts(&self) -> Answer<Vec<Context>> {
        let production = self.0.preferences.get().production_contexts;
        self.0.clusters.contexts(&production).await
    }

    pub async fn try_sandbox(&self) -> Answer<()> {
        Box::pin(self.0.sandbox.start()).await?;
        self.0.clusters.forget_all().await;
        self.0.feed.tell(&DeskEvent::Contexts);
        Ok(())
    }

    pub async fn mark_context(&self, context: String, is_production: bool) -> Answer<()> {
        self.remember(|now| {
            now.production_contexts.retain(|one| *one != context);
            if is_production {
                now.production_contexts.push(context);
            }
        });
        self.0.feed.tell(&DeskEvent::Contexts);
        Ok(())
    }

    pub async fn watch_services(&self, context: String, namespace: Option<String>) -> Answer<ServicesChange> {
        let cluster = self.0.clusters.connect(&context).await?;
        let watched = self.0.services.watch(&cluster, namespace).await;
        if watched
            .as_ref()
            .is_err_and(|error| error.code() != ErrorCode::Forbidden)
        {
            // Whatever it was may be mended by logging in again.
            self.0.clusters.forget(&context).await;
        }
        watched
    }

    pub async fn list_namespaces(&self, context: String) -> Answer<Vec<String>> {
        let cluster = self.0.clusters.connect(&context).await?;
        Ok(discover::namespaces(&cluster).await?.names)
    }

    pub async fn list_listeners(&self) -> Answer<Vec<Listener>> {
        let mut found = local::listeners().await;
        found.extend(self.0.sandbox.program().await);
        found.sort_by_key(|one| one.port);
        Ok(found)
    }

    pub async fn check_target(&self, target: String) -> Answer<TargetCheck> {
        Ok(local::check(&wish::parsed_target(&target)?).await)
    }

    pub async fn plan_intercept(&self, wish: InterceptWish) -> Answer<PlanView> {
        let spec = wish::spec(&wish)?;
        let proxy = wish::proxy(&self.0.preferences.get());
        let cluster = self.0.clusters.connect(&wish.context).await?;
        let previewed = Box::pin(preview(&cluster.client(), &spec, &proxy)).await?;
        Ok(plan::view(previewed, &spec, &proxy))
    }

    pub async fn open_intercept(&self, wish: InterceptWish) -> Answer<u32> {
        let spec = wish::spec(&wish)?;
        let proxy = wish::proxy(&self.0.preferences.get());
        let cluster = self.0.clusters.connect(&wish.context).await?;
        self.remember(|now| {
            now.recent.retain(|one| !is_same(one, &wish));
            now.recent.insert(0, wish.clone());
            now.recent.truncate(RECENT);
        });
        let record = self.record(wish.recording);
        self.0.intercepts.open(&cluster, wish, (spec, proxy), record)
    }

    pub async fn stop_intercept(&self, key: u32) -> Answer<()> {
        self.0.intercepts.stop(key).await
    }

    pub async fn stop_all(&self) -> Answer<()> {
        self.0.intercepts.stop_all().await;
        Ok(())
    }

    pub async fn dismiss_intercept(&self, key: u32) -> Answer<()> {
        self.0.intercepts.dismiss(key);
        Ok(())
    }

    pub async fn close_others_intercept(
        &self,
        context: String,
        namespace: String,
        service: String,
        id: String,
    ) -> Answer<()> {
        let gone = || {
            CommandError::said(
                ErrorCode::Gone,
                format!("Nothing of Intercept stands around {service} in {namespace} any more."),
                "The list shows how it is now.",
            )
        };
        let id = InterceptId::try_from(id).map_err(|_| gone())?;
        let cluster = self.0.clusters.connect(&context).await?;
        let client = cluster.client();
        let found = residue::find(&client, Some(&namespace)).await?;
        let standing = found.iter().find(|one| one.service == service).ok_or_else(gone)?;
        let closed = residue::close(&client, standing, Some(&id)).await?;
        if closed.result == residue::CloseResult::Incomplete {
            let left: Vec<String> = closed.remaining.into_iter().collect();
            return Err(CommandError::said(
                ErrorCode::Unexpected,
                format!(
                    "{service} in {namespace} is not clean yet; there is still: {}.",
                    left.join(", ")
                ),
                "Close it again in a moment.",
            ));
        }
        let sentence = format!("An intercept of {service} in {namespace} was taken out of the cluster.");
        self.0.timeline.add(TimelineKind::Good, None, sentence);
        Ok(())
    }

    pub async fn change_recording(&self, key: u32, level: RecordingLevel) -> Answer<()> {
        self.0.intercepts.record(key, level)
    }

    pub async fn pause_recording(&self, is_paused: bool) -> Answer<()> {
        self.recorder()?.recorder().pause(is_paused);
        Ok(())
    }

    pub async fn probe_intercept(&self, key: u32) -> Answer<ProbeReport> {
        self.0.intercepts.probe(key).await
    }

    pub async fn find_requests(
        &self,
        filter: String,
        before: Option<Cursor>,
        limit: u32,
    ) -> Answer<RequestPage> {
        self.0.requests.find(filter, before, limit).await
    }

    pub async fn count_requests(&self, filter: String) -> Answer<RequestCount> {
        self.0.requests.count(filter).await
    }

    pub async fn follow_requests(&self, filter: String, since: Version) -> Answer<u32> {
        self.0.requests.follow(filter, since).await
    }

    pub async fn requests_usage(&self) -> Answer<StoreUsage> {
        self.0.requests.usage().await
    }

    pub async fn get_request(&self, id: ExchangeId, reveal: bool) -> Answer<RequestDetail> {
        self.0.requests.detail(id, reveal).await
    }

    pub async fn request_body(&self, id: ExchangeId, half: BodyHalf) -> Answer<RequestBody> {
        self.0.requests.body(id, half).await
    }

    pub async fn editable_request(&self, id: ExchangeId) -> Answer<EditedRequest> {
        let stores = &self.0.requests.stores;
        stores
            .ask(move |store| Ok(replay::editable(&get(store, id)?)))
            .await
    }

    pub async fn replay_request(&self, replay: ReplayWish) -> Answer<ReplayAnswer> {
        let ReplayWish {
            id,
            to,
            edited,
            target,
            is_agreed,
        } = replay;
        let stores = &self.0.requests.stores;
        let exchange = stores.ask(move |store| get(store, id)).await?;
        let is_edited = edited.is_some();
        let outgoing = replay::what(&exchange, edited)?;
        if replay::is_unsafe(&outgoing) && !is_agreed {
            return Err(CommandError::said(
                ErrorCode::NotAgreed,
                format!("{} may change something. Nothing was sent.", outgoing.method),
                "Agree to it to send it again.",
            ));
        }
        let place = &exchange.place;
        let laptop = match (to, target) {
            (ReplayTo::Cluster, _) => None,
            (_, Some(target)) => Some(wish::parsed_target(&target)?),
            (_, None) => Some(self.target_of(place).ok_or_else(|| {
                CommandError::said(
                    ErrorCode::NoTarget,
                    format!("It is not known where your program for request {id} is."),
                    "Name it, for instance 3000.",
                )
            })?),
        };
        let cluster = match to {
            ReplayTo::Laptop => None,
            _ if place.service.is_empty() => {
                return Err(CommandError::said(
                    ErrorCode::Wrong,
                    format!("Request {id} was imported: no Service of a cluster stands behind it."),
                    "Send it to your program instead.",
                ));
            }
            _ => Some(self.0.clusters.connect(&place.context).await?),
        };
        let sent = Box::pin(replay::send(
            &exchange,
            (outgoing, is_edited),
            laptop.as_ref(),
            cluster.as_ref(),
        ));
        let answers = sent.await;
        let covering = self.0.requests.covering(false);
        stores
            .ask(move |store| replay::keep(store, answers, &covering))
            .await
    }

    fn target_of(
        &self,
        place: &intercept_inspect::exchange::Place,
    ) -> Option<intercept_engine::target::Target> {
        let (context, namespace, service) = (&place.context, &place.namespace, &place.service);
        let intercepts = &self.0.intercepts;
        intercepts.target_of(context, namespace, service).or_else(|| {
            // Where it was last time.
            let recent = self.0.preferences.get().recent;
            let last = recent
                .iter()
                .find(|one| (&one.context, &one.namespace, &one.service) == (context, namespace, service));
            last.and_then(|one| wish::target(one).ok())
        })
    }

    pub async fn compare_requests(&self, left: ExchangeId, right: ExchangeId) -> Answer<Difference> {
        self.0.requests.difference(left, right).await
    }

    pub async fn pin_requests(&self, ids: Vec<ExchangeId>, is_pinned: bool) -> Answer<()> {
        self.0.requests.pin(ids, is_pinned).await
    }

    pub async fn delete_requests(&self, selection: Selection) -> Answer<u32> {
        self.0.requests.delete(selection).await
    }

    pub async fn write_requests(
        &self,
        selection: Selection,
        format: ExportFormat,
        reveal: bool,
    ) -> Answer<RequestText> {
        let covering = self.0.requests.covering(reveal);
        let stores = &self.0.requests.stores;
        stores
            .ask(move |store| export::text(store, &selected(store, selection)?, format, &covering))
            .await
    }

    pub async fn save_requests(
        &self,
        selection: Selection,
        format: ExportFormat,
        reveal: bool,
        path: String,
    ) -> Answer<u32> {
        let covering = self.0.requests.covering(reveal);
        let stores = &self.0.requests.stores;
        stores
            .ask(move |store| {
                let ids = selected(store, selection)?;
                export::save(store, &ids, format, &covering, Path::new(&path))
            })
            .await
    }

    pub async fn import_requests(&self, path: String) -> Answer<u32> {
        let stores = &self.0.requests.stores;
        stores
            .ask(move |store| export::read(store, Path::new(&path)))
            .await
    }

    pub async fn list_mocks(&self) -> Answer<Vec<MockView>> {
        Ok(mocks::list(&self.0.mocks))
    }

    pub async fn add_mock(&self, mock: MockWish) -> Answer<Vec<MockView>> {
        mocks::add(&self.0.mocks, mock)
    }

    pub async fn remove_mock(&self, number: u32) -> Answer<Vec<MockView>> {
        self.0.mocks.remove(number.into());
        Ok(mocks::list(&self.0.mocks))
    }

    pub async fn set_preferences(&self, preferences: Preferences) -> Answer<()> {
        self.0.requests.cover(redaction(&preferences)?);
        self.remember(|now| *now = preferences);
        Ok(())
    }

    pub async fn diagnostics(&self) -> Answer<String> {
        let inner = &self.0;
        let logs = inner.options.logs.clone();
        let log = tokio::task::spawn_blocking(move || logs.map(|logs| diagnostics::end_of_log(&logs, LOG)));
        let known = diagnostics::Known {
            version: inner.options.version.clone(),
            contexts: inner.clusters.connected().await.into_iter().collect(),
            intercepts: inner.intercepts.views(),
            timeline: inner.timeline.all(),
            usage: inner.requests.usage().await.ok(),
            preferences: inner.preferences.get(),
            missing: inner.missing.clone(),
            log: log.await.ok().flatten().unwrap_or_default(),
        };
        Ok(diagnostics::text(&known))
    }
}

/// Whether starting one is starting the other again.
fn is_same(one: &InterceptWish, other: &InterceptWish) -> bool {
    let named = |wish: &InterceptWish| {
        (
            wish.context.clone(),
            wish.namespace.clone(),
            wish.service.clone(),
            wish.port.clone(),
            wish.mark.clone(),
        )
    };
    named(one) == named(other)
}
