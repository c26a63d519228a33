//! Volumes as folders, in the layout of a kubelet: files are links through `..data`, which is swapped at once.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{KeyToPath, Pod, Volume, VolumeProjection};

use super::env::field_of;
use super::objects::{Entries, Objects};

const DATA: &str = "..data";

/// A volume that cannot be made ready; the kubelet says `FailedMount` and tries again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VolumeError {
    /// An object that is not there.
    #[error("{kind} \"{name}\" not found")]
    NoObject { kind: &'static str, name: String },
    /// A key that the object lacks.
    #[error("references non-existent config key: {0}")]
    NoKey(String),
    /// A kind that needs a real node.
    #[error("the sandbox's node has no volumes of this kind")]
    Unsupported,
    /// A path that leads out of the volume.
    #[error("path \"{0}\" must stay inside the volume")]
    BadPath(String),
    /// The folder could not be written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The API server did not answer.
    #[error("{0}")]
    Api(#[from] kube::Error),
}

/// What the files of a volume should be; nothing where the volume is the pod's own to fill.
pub(crate) type Files = Option<BTreeMap<String, Vec<u8>>>;

/// Where a ServiceAccount's token comes from.
pub(crate) type Tokens<'a> =
    &'a (dyn Fn() -> futures::future::BoxFuture<'a, Result<String, kube::Error>> + Send + Sync);

/// What everything about a pod's volumes is read from.
pub(crate) struct Sources<'a> {
    pub(crate) pod: &'a Pod,
    pub(crate) ip: &'a str,
    pub(crate) objects: &'a Objects,
    pub(crate) tokens: Tokens<'a>,
}

impl Sources<'_> {
    /// The files of `volume` as the cluster has them now.
    pub(crate) async fn files(&self, volume: &Volume) -> Result<Files, VolumeError> {
        if let Some(one) = &volume.config_map {
            let found = self.objects.config_map(&one.name).await?;
            let entries = present("configmap", &one.name, found, one.optional)?;
            return picked(entries, one.items.as_deref(), one.optional).map(Some);
        }
        if let Some(one) = &volume.secret {
            let name = one.secret_name.clone().unwrap_or_default();
            let found = self.objects.secret(&name).await?;
            let entries = present("secret", &name, found, one.optional)?;
            return picked(entries, one.items.as_deref(), one.optional).map(Some);
        }
        if let Some(one) = &volume.projected {
            let mut all = BTreeMap::new();
            for source in one.sources.iter().flatten() {
                all.extend(self.projected(source).await?);
            }
            return Ok(Some(all));
        }
        if let Some(one) = &volume.downward_api {
            let items = one.items.iter().flatten();
            return Ok(Some(items.filter_map(|item| self.downward(item)).collect()));
        }
        if volume.empty_dir.is_some() || is_plain(volume) {
            return Ok(None);
        }
        Err(VolumeError::Unsupported)
    }

    async fn projected(&self, source: &VolumeProjection) -> Result<BTreeMap<String, Vec<u8>>, VolumeError> {
        if let Some(one) = &source.config_map {
            let found = self.objects.config_map(&one.name).await?;
            let entries = present("configmap", &one.name, found, one.optional)?;
            return picked(entries, one.items.as_deref(), one.optional);
        }
        if let Some(one) = &source.secret {
            let found = self.objects.secret(&one.name).await?;
            let entries = present("secret", &one.name, found, one.optional)?;
            return picked(entries, one.items.as_deref(), one.optional);
        }
        if let Some(one) = &source.service_account_token {
            let token = (self.tokens)().await?;
            return Ok(BTreeMap::from([(one.path.clone(), token.into_bytes())]));
        }
        let items = source
            .downward_api
            .iter()
            .flat_map(|one| one.items.iter().flatten());
        Ok(items.filter_map(|item| self.downward(item)).collect())
    }

    fn downward(
        &self,
        item: &k8s_openapi::api::core::v1::DownwardAPIVolumeFile,
    ) -> Option<(String, Vec<u8>)> {
        let field = item.field_ref.as_ref()?;
        let map = match field.field_path.as_str() {
            "metadata.labels" => self.pod.metadata.labels.clone(),
            "metadata.annotations" => self.pod.metadata.annotations.clone(),
            path => return Some((item.path.clone(), field_of(self.pod, self.ip, path)?.into_bytes())),
        };
        let lines = map
            .into_iter()
            .flatten()
            .map(|(key, value)| format!("{key}={value:?}\n"));
        Some((item.path.clone(), lines.collect::<String>().into_bytes()))
    }
}

/// A volume without a source is an empty folder.
fn is_plain(volume: &Volume) -> bool {
    let bare = Volume {
        name: volume.name.clone(),
        ..Volume::default()
    };
    *volume == bare
}

fn present(
    kind: &'static str,
    name: &str,
    entries: Entries,
    optional: Option<bool>,
) -> Result<BTreeMap<String, Vec<u8>>, VolumeError> {
    match entries {
        Some(entries) => Ok(entries),
        None if optional == Some(true) => Ok(BTreeMap::new()),
        None => Err(VolumeError::NoObject {
            kind,
            name: name.to_owned(),
        }),
    }
}

fn picked(
    mut entries: BTreeMap<String, Vec<u8>>,
    items: Option<&[KeyToPath]>,
    optional: Option<bool>,
) -> Result<BTreeMap<String, Vec<u8>>, VolumeError> {
    let Some(items) = items.filter(|items| !items.is_empty()) else {
        return Ok(entries);
    };
    let mut files = BTreeMap::new();
    for item in items {
        match entries.remove(&item.key) {
            Some(bytes) => drop(files.insert(item.path.clone(), bytes)),
            None if optional == Some(true) => {}
            None => return Err(VolumeError::NoKey(item.key.clone())),
        }
    }
    Ok(files)
}

/// Makes `folder` hold exactly `files`, all of them at the same moment.
pub(crate) fn write(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<(), VolumeError> {
    std::fs::create_dir_all(folder)?;
    let number = std::fs::read_link(folder.join(DATA)).ok().and_then(|old| {
        let name = old.to_str()?.strip_prefix("..v")?.to_owned();
        name.parse::<u64>().ok()
    });
    let fresh = format!("..v{}", number.map_or(1, |number| number + 1));
    for (path, bytes) in files {
        let file = folder.join(&fresh).join(inside(path)?);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(file, bytes)?;
    }
    std::fs::create_dir_all(folder.join(&fresh))?;
    let next = folder.join("..data_tmp");
    link(Path::new(&fresh), &next)?;
    std::fs::rename(&next, folder.join(DATA))?;
    let tops: std::collections::BTreeSet<PathBuf> = files
        .keys()
        .filter_map(|path| {
            Path::new(path)
                .components()
                .next()
                .map(|top| PathBuf::from(top.as_os_str()))
        })
        .collect();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_ours = name.to_string_lossy().starts_with("..");
        if is_ours && name.to_string_lossy().starts_with("..v") && name.to_string_lossy() != fresh {
            std::fs::remove_dir_all(entry.path())?;
        } else if !is_ours && !tops.contains(&PathBuf::from(&name)) {
            std::fs::remove_file(entry.path())?;
        }
    }
    for top in tops {
        let visible = folder.join(&top);
        if std::fs::symlink_metadata(&visible).is_err() {
            link(&Path::new(DATA).join(&top), &visible)?;
        }
    }
    Ok(())
}

fn inside(path: &str) -> Result<&Path, VolumeError> {
    let whole = Path::new(path);
    let is_inside = whole
        .components()
        .all(|part| matches!(part, std::path::Component::Normal(_)));
    if is_inside && !path.is_empty() && !path.starts_with("..") {
        Ok(whole)
    } else {
        Err(VolumeError::BadPath(path.to_owned()))
    }
}

#[cfg(unix)]
pub(crate) fn link(to: &Path, at: &Path) -> io::Result<()> {
    match std::fs::remove_file(at) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => std::os::unix::fs::symlink(to, at),
    }
}

/// No process reads these folders where there are no links.
#[cfg(not(unix))]
pub(crate) fn link(_to: &Path, _at: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn files(pairs: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn files_change_together_and_what_is_gone_goes() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &files(&[("a", "1"), ("b", "1")])).unwrap();
        let before = std::fs::read_link(dir.path().join(DATA)).unwrap();
        write(dir.path(), &files(&[("a", "2")])).unwrap();
        assert_eq!(std::fs::read_to_string(dir.path().join("a")).unwrap(), "2");
        assert!(!dir.path().join("b").exists());
        assert_ne!(before, std::fs::read_link(dir.path().join(DATA)).unwrap());
        assert!(!dir.path().join(before).exists());
    }

    #[test]
    fn no_key_leads_out_of_the_volume() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["../x", "/etc/passwd", "..data", "a/../../x"] {
            assert!(write(dir.path(), &files(&[(path, "1")])).is_err(), "{path}");
        }
    }
}
