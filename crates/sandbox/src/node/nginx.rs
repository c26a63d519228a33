//! Which NGINX the sandbox runs: a new enough one of this machine, or one it was given.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

/// From here on a reload cuts no idle connection under its caller.
const NEW_ENOUGH: (u32, u32, u32) = (1, 27, 4);

/// What stands for NGINX's image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NginxInUse {
    /// A real one.
    Binary {
        /// Where it is.
        path: PathBuf,
        /// As it says itself.
        version: String,
    },
    /// None can run here: pods of NGINX's image are not started.
    None {
        /// Why, for people.
        reason: String,
    },
}

/// The first usable one: `given`, then those on `PATH`.
pub(crate) async fn find(given: Option<&Path>) -> NginxInUse {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = given.map(Path::to_owned).into_iter().chain(
        std::env::split_paths(&path)
            .map(|folder| folder.join("nginx"))
            .filter(|file| file.is_file()),
    );
    let mut reason = "no NGINX was found on PATH".to_owned();
    for candidate in candidates {
        match version(&candidate).await {
            Ok(Some((number, version))) if number >= NEW_ENOUGH => {
                return NginxInUse::Binary {
                    path: candidate,
                    version,
                };
            }
            Ok(Some((_, version))) => {
                let (major, minor, patch) = NEW_ENOUGH;
                reason = format!(
                    "{} is NGINX {version}, and {major}.{minor}.{patch} or newer is needed",
                    candidate.display()
                );
            }
            Ok(None) => reason = format!("{} has no stream module, or is no NGINX", candidate.display()),
            Err(error) => reason = format!("{} cannot be run: {error}", candidate.display()),
        }
    }
    NginxInUse::None { reason }
}

async fn version(path: &Path) -> io::Result<Option<((u32, u32, u32), String)>> {
    let output = Command::new(path)
        .arg("-V")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    Ok(parse(&String::from_utf8_lossy(&output.stderr)))
}

fn parse(text: &str) -> Option<((u32, u32, u32), String)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_whole = words
        .iter()
        .any(|word| matches!(*word, "--with-stream" | "--with-stream=dynamic"));
    let version: String = text
        .split_once("nginx/")?
        .1
        .chars()
        .take_while(|one| one.is_ascii_digit() || *one == '.')
        .collect();
    let mut numbers = version.split('.').map(str::parse::<u32>);
    let mut number = || numbers.next()?.ok();
    let number = (number()?, number()?, number()?);
    is_whole.then_some((number, version))
}

/// A folder of programs that stand for the image's own: `nginx`.
///
/// Root's workers would become `nobody`, as NGINX is built, and could not reach the gates of the agent, which is
/// root; in the real pod both containers run as the image's one user. So root's NGINX is told to stay who it is.
#[cfg(unix)]
pub(crate) fn programs(folder: &Path, nginx: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    std::fs::create_dir_all(folder)?;
    let program = folder.join("nginx");
    if !rustix::process::geteuid().is_root() {
        return super::volume::link(nginx, &program);
    }
    let script = format!(
        "#!/bin/sh\nfor word do\n  shift\n  [ \"$word\" = 'daemon off;' ] && word='daemon off; user root;'\n  \
         set -- \"$@\" \"$word\"\ndone\nexec '{}' \"$@\"\n",
        nginx.display().to_string().replace('\'', "'\\''")
    );
    std::fs::write(&program, script)?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
pub(crate) fn programs(_folder: &Path, _nginx: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_and_one_without_stream_is_no_use() {
        let text = "nginx version: nginx/1.31.4\nconfigure arguments: --with-stream --with-http_v2_module";
        assert_eq!(parse(text), Some(((1, 31, 4), "1.31.4".to_owned())));
        assert_eq!(parse("nginx version: nginx/1.31.4\nconfigure arguments:"), None);
        assert_eq!(parse("Apache/2.4"), None);
    }
}
