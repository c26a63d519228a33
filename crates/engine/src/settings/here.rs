//! Who sits at this machine, and where its programs keep the locks of their sessions.

use std::path::PathBuf;

use intercept_protocol::record::Owner;

const MAX_USER: usize = 64;

/// A name that no owner can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a name for an owner: use 1 to {MAX_USER} characters without control characters and without spaces at either end"
)]
pub struct InvalidOwner(String);

/// The owner of what this machine starts: `name`, or the user of the operating system.
///
/// # Errors
/// When `name` cannot be shown to others.
pub fn owner(name: Option<&str>) -> Result<Owner, InvalidOwner> {
    let host = whoami::hostname().ok().filter(|host| is_shown(host));
    let host = host.unwrap_or_else(|| "unknown".to_owned());
    let user = match name {
        Some(name) if is_shown(name) => name.to_owned(),
        Some(name) => return Err(InvalidOwner(name.to_owned())),
        None => user(),
    };
    Ok(Owner { user, host })
}

/// The folder in which this user's programs see each other's sessions.
pub fn session_locks() -> PathBuf {
    let own = dirs::runtime_dir().or_else(dirs::cache_dir);
    // Others may write there too; a lock that is not ours only makes a session look alive or dead.
    let folder = own.unwrap_or_else(|| std::env::temp_dir().join(format!("intercept-{}", user())));
    folder.join("intercept").join("sessions")
}

/// The folder in which this user's programs keep recorded requests.
pub fn recorded_requests() -> PathBuf {
    let own = dirs::data_local_dir();
    let folder = own.unwrap_or_else(|| std::env::temp_dir().join(format!("intercept-{}", user())));
    folder.join("intercept").join("requests")
}

/// The user of the operating system.
pub(crate) fn user() -> String {
    whoami::username()
        .ok()
        .filter(|user| is_shown(user))
        .unwrap_or_else(|| "unknown".to_owned())
}

fn is_shown(text: &str) -> bool {
    (1..=MAX_USER).contains(&text.chars().count())
        && text.trim() == text
        && !text.chars().any(char::is_control)
}
