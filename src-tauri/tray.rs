//! The tray: shown from the model, and acting by the desk.

mod model;

use std::sync::{Mutex, PoisonError};

use intercept_desk::Desk;
use intercept_desk::wire::Goal;
use tauri::image::Image;
use tauri::menu::{IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu};
use tauri::tray::{TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Manager as _, Wry};
use tauri_plugin_clipboard_manager::ClipboardExt as _;

use self::model::{Act, Entry, Model, Shape, model};
use crate::engine::Engine;
use crate::{quit, window};

/// Its name.
pub(crate) const ID: &str = "main";

/// What is shown now, so that nothing is drawn again for nothing.
#[derive(Default)]
pub(crate) struct Shown(Mutex<Option<Model>>);

/// Puts it up.
pub(crate) fn start(app: &AppHandle) -> tauri::Result<()> {
    let now = now(app);
    let tray = TrayIconBuilder::with_id(ID)
        .menu(&menu(app, &now.menu)?)
        .show_menu_on_left_click(true)
        .icon_as_template(true)
        .icon(icon(now.shape)?)
        .tooltip(&now.tooltip)
        .on_menu_event(|app, event| {
            if let Some(act) = Act::of(event.id().as_ref()) {
                chosen(app, act);
            }
        })
        .on_tray_icon_event(|tray, event| {
            if let TrayIconEvent::DoubleClick { .. } = event {
                window::show(tray.app_handle());
            }
        });
    tray.build(app)?;
    remember(app, now);
    Ok(())
}

/// Shows what has changed. Runs on the main thread by itself.
pub(crate) fn refresh(app: &AppHandle) {
    let handle = app.clone();
    let _ = app.run_on_main_thread(move || {
        let now = now(&handle);
        let is_shown = {
            let shown = handle.state::<Shown>();
            let shown = shown.0.lock().unwrap_or_else(PoisonError::into_inner);
            shown.as_ref() == Some(&now)
        };
        if is_shown {
            return;
        }
        if let Err(error) = show(&handle, &now) {
            tracing::warn!(%error, "the tray does not show what is");
        }
        remember(&handle, now);
    });
}

fn show(app: &AppHandle, now: &Model) -> tauri::Result<()> {
    let Some(tray) = app.tray_by_id(ID) else {
        return Ok(());
    };
    tray.set_icon(Some(icon(now.shape)?))?;
    tray.set_icon_as_template(true)?;
    tray.set_tooltip(Some(&now.tooltip))?;
    tray.set_title(now.title.as_deref())?;
    tray.set_menu(Some(menu(app, &now.menu)?))
}

fn now(app: &AppHandle) -> Model {
    let desk = app.state::<Desk>();
    model(&desk.intercepts(), &desk.preferences().recent)
}

fn remember(app: &AppHandle, now: Model) {
    let shown = app.state::<Shown>();
    *shown.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
}

fn menu(app: &AppHandle, entries: &[Entry]) -> tauri::Result<Menu<Wry>> {
    let menu = Menu::new(app)?;
    for entry in entries {
        menu.append(item(app, entry)?.as_ref())?;
    }
    Ok(menu)
}

fn item(app: &AppHandle, entry: &Entry) -> tauri::Result<Box<dyn IsMenuItem<Wry>>> {
    Ok(match entry {
        Entry::Words(words) => Box::new(MenuItem::new(app, shown(words), false, None::<&str>)?),
        Entry::Do(act, words, is_enabled) => Box::new(MenuItem::with_id(
            app,
            act.id(),
            shown(words),
            *is_enabled,
            None::<&str>,
        )?),
        Entry::More(words, inside) => {
            let submenu = Submenu::new(app, shown(words), true)?;
            for entry in inside {
                submenu.append(item(app, entry)?.as_ref())?;
            }
            Box::new(submenu)
        }
        Entry::Line => Box::new(PredefinedMenuItem::separator(app)?),
    })
}

/// Menus take `&` for the mark of a key.
fn shown(words: &str) -> String {
    words.replace('&', "&&")
}

/// Drawn by macOS in the bar's own colour, and here for panels as most desktops have them.
macro_rules! drawn {
    ($name:literal) => {
        if cfg!(target_os = "macos") {
            &include_bytes!(concat!("../icons/tray/", $name, "-template.png"))[..]
        } else {
            &include_bytes!(concat!("../icons/tray/", $name, "-on-dark.png"))[..]
        }
    };
}

fn icon(shape: Shape) -> tauri::Result<Image<'static>> {
    Image::from_bytes(match shape {
        Shape::Idle => drawn!("idle"),
        Shape::Active => drawn!("active"),
        Shape::Degraded => drawn!("degraded"),
        Shape::Error => drawn!("error"),
    })
}

fn chosen(app: &AppHandle, act: Act) {
    match act {
        Act::Open => window::show(app),
        Act::Inspect => window::go(app, Goal::Inspector),
        Act::Tunnel(key) => window::go(app, Goal::Tunnel { key: Some(key) }),
        Act::Settings => window::go(app, Goal::Settings),
        Act::Quit => quit::asked(app),
        Act::CopyCurl(key) => copy_curl(app, key),
        Act::Stop(key) => spawn(app, move |desk| async move {
            let _ = desk.stop_intercept(key).await;
        }),
        Act::StopAll => stop_all(app),
        Act::Start(place) => start_again(app, place),
    }
}

/// Ends every intercept; its own key does the same from anywhere.
pub(crate) fn stop_all(app: &AppHandle) {
    spawn(app, |desk| async move {
        let _ = desk.stop_all().await;
    });
}

fn copy_curl(app: &AppHandle, key: u32) {
    let intercepts = app.state::<Desk>().intercepts();
    if let Some(one) = intercepts.iter().find(|one| one.key == key) {
        let _ = app.clipboard().write_text(one.curl.clone());
    }
}

/// What was agreed to once begins again at once; where it cannot, the sheet says why.
fn start_again(app: &AppHandle, place: usize) {
    let recent = app.state::<Desk>().preferences().recent;
    let Some(wish) = recent.into_iter().nth(place) else {
        return;
    };
    let handle = app.clone();
    spawn(app, move |desk| async move {
        if let Err(error) = Box::pin(desk.open_intercept(wish.clone())).await {
            tracing::warn!(%error, "an intercept cannot be started again");
            window::go(&handle, Goal::Sheet { wish: Box::new(wish) });
        }
    });
}

fn spawn<F>(app: &AppHandle, act: impl FnOnce(Desk) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let desk = app.state::<Desk>().inner().clone();
    app.state::<Engine>().spawn(act(desk));
}

/// Whether there is a place for one: on Linux not every desktop has it.
#[cfg(target_os = "linux")]
pub(crate) fn has_place() -> bool {
    const WATCHER: &str = "org.kde.StatusNotifierWatcher";
    let asked = || -> zbus::Result<bool> {
        let bus = zbus::blocking::Connection::session()?;
        let dbus = zbus::blocking::fdo::DBusProxy::new(&bus)?;
        Ok(dbus.name_has_owner(WATCHER.try_into()?)?)
    };
    asked().unwrap_or(false)
}

/// As above.
#[cfg(not(target_os = "linux"))]
pub(crate) fn has_place() -> bool {
    true
}
