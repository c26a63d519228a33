//! What the tray shows: its icon, and its menu with every action, since clicks on the icon itself do not arrive
//! everywhere. Pure.

use intercept_desk::wire::{InterceptView, InterceptWish};
use intercept_engine::session::Phase;

/// Wishes to start again that a menu has room for.
const RECENT: usize = 4;

/// The icon's four shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Idle,
    Active,
    Degraded,
    Error,
}

/// What an entry does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Open,
    Inspect,
    Tunnel(u32),
    CopyCurl(u32),
    Stop(u32),
    StopAll,
    /// One of the remembered wishes, by its place.
    Start(usize),
    Settings,
    Quit,
}

/// A line of the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Something to read.
    Words(String),
    /// Something to do.
    Do(Act, String, bool),
    /// More of both.
    More(String, Vec<Entry>),
    Line,
}

/// Everything at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) shape: Shape,
    pub(crate) tooltip: String,
    /// Beside the icon, where the desktop has room for it.
    pub(crate) title: Option<String>,
    pub(crate) menu: Vec<Entry>,
}

/// What is to be shown of these.
pub(crate) fn model(intercepts: &[InterceptView], recent: &[InterceptWish]) -> Model {
    let live: Vec<&InterceptView> = intercepts.iter().filter(|one| one.ending.is_none()).collect();
    let is_left = intercepts
        .iter()
        .any(|one| one.ending.as_ref().is_some_and(|ending| !ending.is_restored));
    let shape = match (is_left, live.is_empty()) {
        (true, _) => Shape::Error,
        (false, true) => Shape::Idle,
        (false, false) if live.iter().any(|one| one.trouble.is_some()) => Shape::Degraded,
        (false, false) => Shape::Active,
    };
    let mut menu = vec![Entry::Words(headline(&live))];
    menu.extend(live.iter().map(|one| intercept(one)));
    let again = again(&live, recent);
    if !again.is_empty() {
        menu.push(Entry::Line);
        menu.push(Entry::Words("Start again".to_owned()));
        menu.extend(again);
    }
    menu.push(Entry::Line);
    menu.push(Entry::Do(
        Act::StopAll,
        "Stop everything and restore".to_owned(),
        !live.is_empty(),
    ));
    menu.push(Entry::Do(Act::Open, "Open Intercept".to_owned(), true));
    menu.push(Entry::Do(Act::Settings, "Settings".to_owned(), true));
    menu.push(Entry::Line);
    menu.push(Entry::Do(Act::Quit, "Quit".to_owned(), true));
    Model {
        shape,
        tooltip: format!("Intercept: {}", headline(&live).to_lowercase()),
        title: (!live.is_empty()).then(|| live.len().to_string()),
        menu,
    }
}

fn headline(live: &[&InterceptView]) -> String {
    match live.len() {
        0 => "No intercept is active".to_owned(),
        1 => "1 intercept is active".to_owned(),
        many => format!("{many} intercepts are active"),
    }
}

fn intercept(one: &InterceptView) -> Entry {
    let mut inside = vec![Entry::Words(state(one))];
    inside.push(Entry::Do(Act::Inspect, "Open inspector".to_owned(), true));
    inside.push(Entry::Do(Act::Tunnel(one.key), "Open tunnel".to_owned(), true));
    inside.push(Entry::Do(
        Act::CopyCurl(one.key),
        "Copy curl with the header".to_owned(),
        true,
    ));
    let is_ending = matches!(one.phase, Phase::Closing { .. });
    inside.push(Entry::Do(
        Act::Stop(one.key),
        "Stop and restore".to_owned(),
        !is_ending,
    ));
    Entry::More(format!("{} → {}", one.wish.service, one.target), inside)
}

fn state(one: &InterceptView) -> String {
    if let Some(trouble) = &one.trouble {
        return trouble.clone();
    }
    match one.phase {
        Phase::Planning | Phase::Applying => "Starting".to_owned(),
        Phase::Active => format!("Active: {}", one.rule),
        Phase::Reconnecting => "Reconnecting".to_owned(),
        Phase::Displaced { .. } => "Displaced".to_owned(),
        Phase::Closing { .. } => "Restoring".to_owned(),
        Phase::Closed => "Ended".to_owned(),
    }
}

fn again(live: &[&InterceptView], recent: &[InterceptWish]) -> Vec<Entry> {
    let is_running = |wish: &InterceptWish| live.iter().any(|one| one.wish == *wish);
    let offered = recent.iter().enumerate().filter(|(_, wish)| !is_running(wish));
    offered
        .take(RECENT)
        .map(|(place, wish)| {
            let words = format!("{} → {} ({})", wish.service, wish.target, wish.context);
            Entry::Do(Act::Start(place), words, true)
        })
        .collect()
}

impl Act {
    /// As the menu knows it.
    pub(crate) fn id(self) -> String {
        match self {
            Self::Open => "open".to_owned(),
            Self::Inspect => "inspect".to_owned(),
            Self::Tunnel(key) => format!("tunnel:{key}"),
            Self::CopyCurl(key) => format!("curl:{key}"),
            Self::Stop(key) => format!("stop:{key}"),
            Self::StopAll => "stop-all".to_owned(),
            Self::Start(place) => format!("start:{place}"),
            Self::Settings => "settings".to_owned(),
            Self::Quit => "quit".to_owned(),
        }
    }

    /// What a chosen entry means.
    pub(crate) fn of(id: &str) -> Option<Self> {
        let (word, number) = id.split_once(':').unwrap_or((id, ""));
        Some(match word {
            "open" => Self::Open,
            "inspect" => Self::Inspect,
            "tunnel" => Self::Tunnel(number.parse().ok()?),
            "curl" => Self::CopyCurl(number.parse().ok()?),
            "stop" => Self::Stop(number.parse().ok()?),
            "stop-all" => Self::StopAll,
            "start" => Self::Start(number.parse().ok()?),
            "settings" => Self::Settings,
            "quit" => Self::Quit,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use intercept_desk::wire::{Ending, EndingKind, MarkWish, RecordingLevel};

    use super::*;

    fn wish(service: &str) -> InterceptWish {
        InterceptWish {
            context: "kind".to_owned(),
            namespace: "shop".to_owned(),
            service: service.to_owned(),
            port: None,
            mark: MarkWish::All,
            path_prefix: None,
            methods: Vec::new(),
            target: "3000".to_owned(),
            accept_any_certificate: false,
            ttl_seconds: None,
            protocol: None,
            recording: RecordingLevel::Bodies,
        }
    }

    fn view(key: u32, service: &str) -> InterceptView {
        InterceptView {
            key,
            id: None,
            wish: wish(service),
            port: Some(80),
            rule: "all requests".to_owned(),
            target: "localhost:3000".to_owned(),
            phase: Phase::Active,
            trouble: None,
            steps: Vec::new(),
            since: 0,
            expires: None,
            ready_after_ms: None,
            relays: Vec::new(),
            recording: None,
            curl: String::new(),
            ending: None,
        }
    }

    fn ended(key: u32, is_restored: bool) -> InterceptView {
        InterceptView {
            ending: Some(Ending {
                kind: EndingKind::Failed,
                is_restored,
                sentence: String::new(),
                causes: Vec::new(),
                hint: None,
            }),
            ..view(key, "cart")
        }
    }

    fn acts(entries: &[Entry]) -> Vec<(Act, bool)> {
        let of = |entry: &Entry| match entry {
            Entry::Do(act, _, is_enabled) => vec![(*act, *is_enabled)],
            Entry::More(_, inside) => acts(inside),
            Entry::Words(_) | Entry::Line => Vec::new(),
        };
        entries.iter().flat_map(of).collect()
    }

    #[test]
    fn the_icon_says_the_worst_of_all_intercepts() {
        let shape = |intercepts: &[InterceptView]| model(intercepts, &[]).shape;
        assert_eq!(shape(&[]), Shape::Idle);
        assert_eq!(shape(&[ended(1, true)]), Shape::Idle);
        assert_eq!(shape(&[view(1, "cart")]), Shape::Active);
        let down = InterceptView {
            trouble: Some("Nothing listens".to_owned()),
            ..view(2, "chat")
        };
        assert_eq!(shape(&[view(1, "cart"), down.clone()]), Shape::Degraded);
        assert_eq!(shape(&[down, ended(3, false)]), Shape::Error);
    }

    #[test]
    fn every_act_is_in_the_menu_and_is_understood_when_chosen() {
        let recent = [wish("cart"), wish("prices")];
        let model = model(&[view(7, "cart")], &recent);
        let acts = acts(&model.menu);
        for act in [
            Act::Open,
            Act::Inspect,
            Act::Tunnel(7),
            Act::CopyCurl(7),
            Act::Stop(7),
            Act::StopAll,
            Act::Start(1),
            Act::Settings,
            Act::Quit,
        ] {
            assert!(acts.contains(&(act, true)), "{act:?} is missing: {acts:?}");
            assert_eq!(Act::of(&act.id()), Some(act));
        }
        assert!(
            !acts.contains(&(Act::Start(0), true)),
            "what runs is not offered again"
        );
        assert_eq!(model.title.as_deref(), Some("1"));
        assert_eq!(Act::of("stop:x"), None);
    }

    #[test]
    fn nothing_can_be_stopped_where_nothing_runs() {
        assert!(acts(&model(&[], &[]).menu).contains(&(Act::StopAll, false)));
    }
}
