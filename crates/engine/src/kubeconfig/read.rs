//! Reads one kubeconfig file: bounded, as text, with its relative paths made absolute.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use kube::config::{AuthInfo, Kubeconfig, KubeconfigError as ParseError};

use super::KubeconfigError;

/// The largest real ones hold hundreds of clusters in a few megabytes.
const MAX_MIB: u64 = 32;
const MAX_BYTES: u64 = MAX_MIB * 1024 * 1024;

/// The file's content, or none where there is no such file.
pub(super) fn read(file: &Path) -> Result<Option<Kubeconfig>, KubeconfigError> {
    let Some(bytes) = bytes(file)? else {
        return Ok(None);
    };
    let text = text(&bytes).ok_or_else(|| KubeconfigError::NotText {
        file: file.to_owned(),
    })?;
    let mut config = parse(&text, file)?;
    let folder = std::path::absolute(file)
        .ok()
        .and_then(|file| file.parent().map(Path::to_owned));
    make_absolute(&mut config, &folder.unwrap_or_default());
    Ok(Some(config))
}

fn bytes(file: &Path) -> Result<Option<Vec<u8>>, KubeconfigError> {
    let failed = |source| KubeconfigError::Read {
        file: file.to_owned(),
        source,
    };
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    opened
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(KubeconfigError::TooLarge {
            file: file.to_owned(),
            limit_mib: MAX_MIB,
        });
    }
    Ok(Some(bytes))
}

/// UTF-8, or the UTF-16 that PowerShell writes when output is redirected into a file.
fn text(bytes: &[u8]) -> Option<String> {
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] | rest => String::from_utf8(rest.to_vec()).ok(),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, []) = bytes.as_chunks::<2>() else {
        return None;
    };
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    String::from_utf16(&units).ok()
}

fn parse(text: &str, file: &Path) -> Result<Kubeconfig, KubeconfigError> {
    // An empty file is an empty kubeconfig, and so is one of comments only.
    if text
        .lines()
        .all(|line| matches!(line.trim_start().chars().next(), None | Some('#')))
    {
        return Ok(Kubeconfig::default());
    }
    let config = Kubeconfig::from_yaml(text).map_err(|error| invalid(&error, file))?;
    let kind = config.kind.as_deref().unwrap_or("Config");
    let version = config.api_version.as_deref().unwrap_or("v1");
    if kind != "Config" || version != "v1" {
        return Err(KubeconfigError::OtherKind {
            file: file.to_owned(),
            kind: format!("{kind} ({version})"),
        });
    }
    Ok(config)
}

fn invalid(error: &ParseError, file: &Path) -> KubeconfigError {
    let (line, problem) = match error {
        ParseError::Parse(yaml) => (
            yaml.location().map(|at| at.line()),
            yaml.without_snippet().to_string(),
        ),
        other => (None, other.to_string()),
    };
    KubeconfigError::Invalid {
        file: file.to_owned(),
        line,
        problem,
    }
}

/// Paths in a kubeconfig are relative to it. A command without a separator is looked up in `PATH` instead.
fn make_absolute(config: &mut Kubeconfig, folder: &Path) {
    for cluster in config
        .clusters
        .iter_mut()
        .filter_map(|named| named.cluster.as_mut())
    {
        absolute(&mut cluster.certificate_authority, folder);
    }
    for user in config
        .auth_infos
        .iter_mut()
        .filter_map(|named| named.auth_info.as_mut())
    {
        make_user_absolute(user, folder);
    }
}

fn make_user_absolute(user: &mut AuthInfo, folder: &Path) {
    absolute(&mut user.client_certificate, folder);
    absolute(&mut user.client_key, folder);
    absolute(&mut user.token_file, folder);
    if let Some(exec) = &mut user.exec
        && exec
            .command
            .as_ref()
            .is_some_and(|command| command.contains(MAIN_SEPARATOR))
    {
        absolute(&mut exec.command, folder);
    }
}

fn absolute(path: &mut Option<String>, folder: &Path) {
    // An empty one is kubectl's way to write none.
    *path = path.take().filter(|text| !text.is_empty()).map(|text| {
        let joined: PathBuf = folder.join(&text);
        joined.into_os_string().into_string().unwrap_or(text)
    });
}
