//! Tells a living session of this user from one that died: its process holds a lock while it lives.
//!
//! The lock is a convenience for starting again at once after a crash, never needed to clean up: everything
//! for that stands in the cluster.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use intercept_protocol::ids::SessionId;

/// Held while a session lives; the operating system lets go of it however the process ends.
#[derive(Debug)]
pub(crate) struct SessionLock {
    _file: Option<File>,
    path: PathBuf,
}

/// What a lock says about a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// A process of this machine holds it.
    Alive,
    /// A process of this machine held it and ended.
    Dead,
    /// This machine knows nothing of it.
    Unknown,
}

impl SessionLock {
    /// Takes the lock. A folder that cannot be written to only costs the convenience.
    pub(crate) fn take(folder: &Path, session: &SessionId) -> Self {
        let path = path(folder, session);
        let file = fs::create_dir_all(folder).and_then(|()| File::create(&path)).ok();
        let file = file.filter(|file| file.try_lock().is_ok());
        Self { _file: file, path }
    }
}

impl Drop for SessionLock {
    fn drop(&mut self) {
        // What stays behind says `Dead` to whoever asks, which is true.
        let _ = fs::remove_file(&self.path);
    }
}

/// Asks about a session.
pub(crate) fn life(folder: &Path, session: &SessionId) -> Life {
    let Ok(file) = File::open(path(folder, session)) else {
        return Life::Unknown;
    };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Life::Alive,
        Ok(()) => Life::Dead,
        Err(TryLockError::Error(_)) => Life::Unknown,
    }
}

fn path(folder: &Path, session: &SessionId) -> PathBuf {
    folder.join(format!("{session}.session"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_alive_while_its_lock_is_held() {
        let folder = std::env::temp_dir().join(format!("intercept-lock-{}", SessionId::random()));
        let session = SessionId::random();
        assert_eq!(life(&folder, &session), Life::Unknown);
        let lock = SessionLock::take(&folder, &session);
        assert_eq!(life(&folder, &session), Life::Alive);
        drop(lock);
        assert_eq!(life(&folder, &session), Life::Unknown);
        fs::write(path(&folder, &session), "").unwrap();
        assert_eq!(life(&folder, &session), Life::Dead);
        fs::remove_dir_all(&folder).unwrap();
    }
}
