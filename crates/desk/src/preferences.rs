//! The file of preferences. A file that cannot be read costs nothing but the preferences: it is set aside, never lost.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use crate::wire::Preferences;

/// More is no preferences file of ours.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Preferences, in memory and on disk.
pub(crate) struct Kept {
    path: PathBuf,
    now: Mutex<Preferences>,
}

impl Kept {
    /// Reads the file. Where it cannot be understood, a sentence says where it is now.
    pub(crate) fn open(path: PathBuf) -> (Self, Option<String>) {
        let (now, trouble) = match read(&path) {
            Ok(found) => (found.unwrap_or_default(), None),
            Err(why) => (Preferences::default(), Some(set_aside(&path, &why))),
        };
        let kept = Self {
            path,
            now: Mutex::new(now),
        };
        (kept, trouble)
    }

    pub(crate) fn get(&self) -> Preferences {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes and writes them. What could not be written still holds for this run.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Preferences)) -> io::Result<()> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut now);
        write(&self.path, &now)
    }
}

fn read(path: &Path) -> io::Result<Option<Preferences>> {
    let about = match fs::metadata(path) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if about.len() > MAX_BYTES {
        return Err(io::Error::other("it is too large"));
    }
    let text = fs::read_to_string(path)?;
    Ok(Some(serde_json::from_str(&text)?))
}

fn set_aside(path: &Path, why: &io::Error) -> String {
    let aside = path.with_extension("unreadable.json");
    match fs::rename(path, &aside) {
        Ok(()) => format!(
            "Your preferences could not be read ({why}); they are now {} and begin anew.",
            aside.display()
        ),
        Err(_) => format!(
            "Your preferences in {} could not be read ({why}).",
            path.display()
        ),
    }
}

/// Over what is there, so that what a newer version knows is kept.
fn write(path: &Path, preferences: &Preferences) -> io::Result<()> {
    let mut whole: Map<String, Value> = fs::read_to_string(path)
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    if let Value::Object(known) = serde_json::to_value(preferences)? {
        whole.extend(known);
    }
    let folder = path
        .parent()
        .ok_or_else(|| io::Error::other("the path has no folder"))?;
    fs::create_dir_all(folder)?;
    // A crash in between leaves the old file or the new one.
    let beside = path.with_extension("new");
    let mut file = fs::File::create(&beside)?;
    serde_json::to_writer_pretty(&mut file, &whole)?;
    file.flush()?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_last_and_keep_what_a_newer_version_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join("preferences.json");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, r#"{ "fromTomorrow": 7, "closesToTray": false }"#).unwrap();
        let (kept, trouble) = Kept::open(path.clone());
        assert_eq!(trouble, None);
        assert!(!kept.get().closes_to_tray);
        assert!(kept.get().hides_health_checks);
        kept.change(|now| now.favourites.push("a/b/c".to_owned()))
            .unwrap();
        let written: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(written["fromTomorrow"], 7);
        assert_eq!(Kept::open(path).0.get().favourites, ["a/b/c"]);
    }

    #[test]
    fn an_unreadable_file_is_set_aside_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("preferences.json");
        fs::write(&path, "{ not json").unwrap();
        let (kept, trouble) = Kept::open(path.clone());
        assert_eq!(kept.get(), Preferences::default());
        assert!(trouble.unwrap().contains("unreadable"));
        assert_eq!(
            fs::read_to_string(path.with_extension("unreadable.json")).unwrap(),
            "{ not json"
        );
    }
}
