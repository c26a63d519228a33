//! The desktop shell: opens the window and answers its commands through the engine.

/// Opens the window and returns when it is closed.
pub fn run() -> Result<(), tauri::Error> {
    tauri::Builder::default().run(tauri::generate_context!("tauri.conf.json"))
}
