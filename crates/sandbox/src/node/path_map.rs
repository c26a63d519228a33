//! Where a container's mounts really are: a folder that looks like the container's root, and texts that name
//! paths in it rewritten.
//!
//! A process of this machine sees the machine's own files. So each path below a mount is rewritten in command,
//! arguments and environment: textually, by its first folders, which also meets a shell's patterns such as
//! `/etc/intercept/agent/$(uname -m)/*/part`. Paths that the program itself has built in are not met.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// Folders that machines have too: below these one more name decides what is a container's.
const SHARED: [&str; 9] = [
    "/var/run",
    "/var/lib",
    "/var/log",
    "/var/cache",
    "/usr/local",
    "/usr/share",
    "/usr/lib",
    "/etc/ssl",
    "/var/tmp",
];

/// The rewriting for one container.
#[derive(Clone, Debug)]
pub(crate) struct PathMap {
    root: PathBuf,
    /// Longest first.
    prefixes: Vec<String>,
}

impl PathMap {
    /// For mounts at `paths`, in a folder that stands for the container's root.
    pub(crate) fn new<'a>(root: PathBuf, paths: impl IntoIterator<Item = &'a str>) -> Self {
        let prefixes: BTreeSet<String> = paths.into_iter().filter_map(prefix).collect();
        let mut prefixes: Vec<String> = prefixes.into_iter().collect();
        prefixes.sort_by_key(|one| std::cmp::Reverse(one.len()));
        Self { root, prefixes }
    }

    /// Where a path of the container is; `..` leads nowhere else.
    pub(crate) fn place(&self, path: &str) -> PathBuf {
        let names = Path::new(path).components().filter_map(|part| match part {
            Component::Normal(name) => Some(name),
            _ => None,
        });
        self.root.join(names.collect::<PathBuf>())
    }

    /// A text with every path below a mount rewritten.
    pub(crate) fn rewrite(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        let mut before: Option<char> = None;
        while let Some(next) = rest.chars().next() {
            let found = self.prefixes.iter().find(|one| {
                let after = rest.strip_prefix(one.as_str());
                after.is_some_and(|after| !after.starts_with(is_name)) && !before.is_some_and(is_path)
            });
            if let Some(prefix) = found {
                out.push_str(&self.place(prefix).display().to_string());
                rest = &rest[prefix.len()..];
                before = Some('x');
            } else {
                out.push(next);
                rest = &rest[next.len_utf8()..];
                before = Some(next);
            }
        }
        out
    }
}

fn is_name(one: char) -> bool {
    one.is_alphanumeric() || matches!(one, '_' | '-' | '.')
}

fn is_path(one: char) -> bool {
    is_name(one) || one == '/'
}

/// The part of a mount's path by which texts are recognised.
fn prefix(path: &str) -> Option<String> {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != "..")
        .collect();
    let first_two = format!("/{}", parts.iter().take(2).copied().collect::<Vec<_>>().join("/"));
    let depth = if SHARED.contains(&first_two.as_str()) {
        3
    } else {
        2
    };
    let parts: Vec<&str> = parts.into_iter().take(depth).collect();
    (!parts.is_empty()).then(|| format!("/{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> PathMap {
        PathMap::new(
            PathBuf::from("/tmp/s/1/agent"),
            [
                "/run/intercept",
                "/etc/intercept/record",
                "/etc/intercept/agent/x86_64/0",
                "/var/run/secrets/kubernetes.io/serviceaccount",
            ],
        )
    }

    #[test]
    fn patterns_of_a_shell_are_met_by_their_beginning() {
        let text = "cat /etc/intercept/agent/$(uname -m)/*/part > /run/intercept/x && exec /run/intercept/x";
        assert_eq!(
            map().rewrite(text),
            "cat /tmp/s/1/agent/etc/intercept/agent/$(uname -m)/*/part > /tmp/s/1/agent/run/intercept/x \
             && exec /tmp/s/1/agent/run/intercept/x"
        );
    }

    #[test]
    fn only_whole_names_are_met() {
        for text in [
            "/run/interceptor",
            "/srv/run/intercept",
            "/var/run/other",
            "daemon off;",
        ] {
            assert_eq!(map().rewrite(text), text);
        }
        assert_eq!(
            map().rewrite("a=/run/intercept"),
            "a=/tmp/s/1/agent/run/intercept"
        );
        assert_eq!(
            map().rewrite("/var/run/secrets/kubernetes.io/serviceaccount/token"),
            "/tmp/s/1/agent/var/run/secrets/kubernetes.io/serviceaccount/token"
        );
    }

    #[test]
    fn no_path_leads_out_of_the_containers_root() {
        assert_eq!(
            map().place("/../../etc/passwd"),
            Path::new("/tmp/s/1/agent/etc/passwd")
        );
    }
}
