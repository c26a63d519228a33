//! What the NGINX of this image is and can do, read once from `nginx -V`.

use std::path::{Path, PathBuf};

/// A version number; compares as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

/// How this NGINX comes by its `stream` module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Compiled in, as in the stock image.
    BuiltIn,
    /// A file to load, as in Debian's packages.
    Module(PathBuf),
    /// Not there: ports that are not HTTP cannot pass.
    Absent,
}

/// One NGINX binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary {
    /// Its version.
    pub version: Version,
    /// Its `stream` module.
    pub stream: Stream,
    /// Counts its requests and tells the number.
    pub has_stub_status: bool,
    /// Built with musl, whose allocator makes large buffers cost a third of the throughput.
    pub is_musl: bool,
}

/// An NGINX that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BinaryError {
    /// It did not start.
    #[error("`{path} -V` could not be run")]
    Run {
        /// Which binary.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It said something else than a version.
    #[error("`{path} -V` answered without a version")]
    NoVersion {
        /// Which binary.
        path: PathBuf,
    },
}

impl Binary {
    /// Asks the binary at `path`.
    ///
    /// # Errors
    /// When it cannot be run or is no NGINX.
    pub async fn detect(path: &Path) -> Result<Self, BinaryError> {
        let output = tokio::process::Command::new(path)
            .arg("-V")
            .output()
            .await
            .map_err(|source| BinaryError::Run {
                path: path.into(),
                source,
            })?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        Self::parse(&text, Path::is_file).ok_or_else(|| BinaryError::NoVersion { path: path.into() })
    }

    /// Reads what `nginx -V` says; `exists` tells whether a module's file is there.
    pub fn parse(text: &str, exists: impl Fn(&Path) -> bool) -> Option<Self> {
        let after = text.split_once("nginx/")?.1;
        let mut numbers = after.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
        let mut number = || numbers.next()?.ok();
        let version = Version(number()?, number()?, number()?);
        Some(Self {
            version,
            stream: stream(text, exists),
            has_stub_status: text.contains("--with-http_stub_status_module"),
            is_musl: text.contains("(Alpine"),
        })
    }

    /// Whether it is at least this version.
    pub fn since(&self, major: u32, minor: u32, patch: u32) -> bool {
        self.version >= Version(major, minor, patch)
    }

    /// Whether it tells which requests are more than a rate, without refusing them.
    pub fn has_dry_limits(&self) -> bool {
        self.since(1, 17, 6)
    }

    /// Whether one port can speak HTTP/1 and HTTP/2 with prior knowledge.
    pub fn has_http2_on_plain_ports(&self) -> bool {
        self.since(1, 25, 1)
    }

    /// Whether `proxy_pass` can speak HTTP/2.
    pub fn has_http2_upstreams(&self) -> bool {
        self.since(1, 29, 4)
    }
}

fn stream(text: &str, exists: impl Fn(&Path) -> bool) -> Stream {
    let arguments = || text.split_whitespace();
    if arguments().any(|argument| argument == "--with-stream") {
        return Stream::BuiltIn;
    }
    let folder = arguments().find_map(|argument| argument.strip_prefix("--modules-path="));
    match folder.map(|folder| Path::new(folder).join("ngx_stream_module.so")) {
        Some(file) if exists(&file) => Stream::Module(file),
        _ => Stream::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stock_image_has_stream_built_in() {
        let text = "nginx version: nginx/1.31.4\nbuilt by gcc 12.2.0 (Debian 12.2.0-14)\nconfigure arguments: --with-stream --with-stream_ssl_module";
        let binary = Binary::parse(text, |_| false).unwrap();
        assert_eq!(binary.version, Version(1, 31, 4));
        assert_eq!(binary.stream, Stream::BuiltIn);
        assert!(!binary.is_musl && binary.since(1, 29, 8) && !binary.since(1, 32, 0));
    }

    #[test]
    fn debian_loads_stream_only_where_its_package_is_installed() {
        let text = "nginx version: nginx/1.22.1\nconfigure arguments: --modules-path=/usr/lib/nginx/modules --with-stream=dynamic";
        assert_eq!(Binary::parse(text, |_| false).unwrap().stream, Stream::Absent);
        let found = Binary::parse(text, |file| file.starts_with("/usr/lib/nginx")).unwrap();
        assert_eq!(
            found.stream,
            Stream::Module("/usr/lib/nginx/modules/ngx_stream_module.so".into())
        );
    }

    #[test]
    fn another_program_is_not_taken_for_nginx() {
        assert_eq!(Binary::parse("Apache/2.4", |_| true), None);
        assert_eq!(Binary::parse("nginx version: nginx/next", |_| true), None);
    }
}
