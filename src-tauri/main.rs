//! The desktop program: see `lib.rs`.

// A release build on Windows opens no console beside the window.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

fn main() -> Result<(), intercept_desktop::StartError> {
    intercept_desktop::run()
}
