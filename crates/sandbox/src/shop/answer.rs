//! What programs say of a request that reached them: the same words as the sample application of the tests.

use bytes::Bytes;
use hyper::{HeaderMap, Method, Uri, Version};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::node::image::Context;

/// A request, as far as an answer tells of it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) port: u16,
    pub(super) version: Version,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Seen {
    /// Who answered, and what was asked.
    pub(super) fn account(&self, context: &Context, by: &str) -> Value {
        let digest = Sha256::digest(&self.body);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let host = self.headers.get("host").and_then(|host| host.to_str().ok());
        let host = host
            .map(str::to_owned)
            .or_else(|| self.uri.authority().map(ToString::to_string));
        let target = self
            .uri
            .path_and_query()
            .map_or_else(|| "/".to_owned(), ToString::to_string);
        json!({
            "by": by, "pod": context.pod, "port": self.port,
            "proto": match self.version { Version::HTTP_10 => "HTTP/1.0", Version::HTTP_2 => "HTTP/2.0", _ => "HTTP/1.1" },
            "method": self.method.as_str(), "target": target, "host": host.unwrap_or_default(),
            "headers": headers(&self.headers), "body_bytes": self.body.len(), "body_sha256": digest,
        })
    }
}

/// Names as Go writes them, since that is what the other one of these programs is written in.
fn headers(all: &HeaderMap) -> Value {
    let mut map = Map::new();
    for name in all.keys().filter(|name| name.as_str() != "host") {
        let values = all.get_all(name).iter();
        let values: Vec<Value> = values
            .map(|value| json!(String::from_utf8_lossy(value.as_bytes())))
            .collect();
        map.insert(canonical(name.as_str()), Value::Array(values));
    }
    Value::Object(map)
}

fn canonical(name: &str) -> String {
    let mut is_first = true;
    name.chars()
        .map(|one| {
            let shown = if is_first {
                one.to_ascii_uppercase()
            } else {
                one.to_ascii_lowercase()
            };
            is_first = one == '-';
            shown
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_go_writes_them() {
        assert_eq!(canonical("x-c6o-intercept"), "X-C6o-Intercept");
        assert_eq!(canonical("te"), "Te");
    }
}
