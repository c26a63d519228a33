//! One entry of a HAR file, as it is written and as it may be found.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::exchange::{ExchangeId, Place, Protocol, Source, Tags, Times};
use crate::text::Text;

/// A request, its answer, and their times.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Entry {
    pub(super) started_date_time: String,
    #[serde(deserialize_with = "number")]
    pub(super) time: f64,
    #[serde(deserialize_with = "or_nothing")]
    pub(super) request: Request,
    #[serde(deserialize_with = "or_nothing")]
    pub(super) response: Response,
    pub(super) cache: Cache,
    #[serde(deserialize_with = "or_nothing")]
    pub(super) timings: Timings,
    #[serde(
        rename = "_webSocketMessages",
        deserialize_with = "or_nothing",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub(super) socket: Vec<SocketEntry>,
    #[serde(
        rename = "_intercept",
        deserialize_with = "or_nothing",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) own: Option<Own>,
    #[serde(deserialize_with = "or_nothing", skip_serializing_if = "String::is_empty")]
    pub(super) comment: String,
}

/// Always empty: nothing is known of caches.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Cache {}

/// What only this program writes and reads.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Own {
    pub(super) id: ExchangeId,
    pub(super) place: Place,
    pub(super) times: Times,
    pub(super) protocol: Protocol,
    pub(super) target: Text,
    pub(super) host: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<Source>,
    #[serde(default)]
    pub(super) tags: Tags,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) interim: Vec<u16>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) url: String,
    #[serde(deserialize_with = "or_nothing")]
    pub(super) http_version: String,
    pub(super) cookies: Vec<Named>,
    #[serde(deserialize_with = "or_nothing")]
    pub(super) headers: Vec<Named>,
    pub(super) query_string: Vec<Named>,
    #[serde(deserialize_with = "or_nothing", skip_serializing_if = "Option::is_none")]
    pub(super) post_data: Option<Content>,
    #[serde(deserialize_with = "number", serialize_with = "whole")]
    pub(super) headers_size: f64,
    #[serde(deserialize_with = "number", serialize_with = "whole")]
    pub(super) body_size: f64,
    #[serde(
        rename = "_trailers",
        deserialize_with = "or_nothing",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub(super) trailers: Vec<Named>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Response {
    #[serde(deserialize_with = "number", serialize_with = "whole")]
    pub(super) status: f64,
    #[serde(deserialize_with = "or_nothing")]
    pub(super) status_text: String,
    #[serde(deserialize_with = "or_nothing")]
    pub(super) http_version: String,
    pub(super) cookies: Vec<Named>,
    #[serde(deserialize_with = "or_nothing")]
    pub(super) headers: Vec<Named>,
    #[serde(deserialize_with = "or_nothing")]
    pub(super) content: Content,
    #[serde(rename = "redirectURL", deserialize_with = "or_nothing")]
    pub(super) redirect_url: String,
    #[serde(deserialize_with = "number", serialize_with = "whole")]
    pub(super) headers_size: f64,
    #[serde(deserialize_with = "number", serialize_with = "whole")]
    pub(super) body_size: f64,
    #[serde(
        rename = "_trailers",
        deserialize_with = "or_nothing",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub(super) trailers: Vec<Named>,
    #[serde(
        rename = "_error",
        deserialize_with = "or_nothing",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) error: Option<String>,
}

/// A body. Requests have it under another name, and without a size.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Content {
    #[serde(
        deserialize_with = "or_nothing",
        serialize_with = "maybe_whole",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) size: Option<f64>,
    #[serde(deserialize_with = "or_nothing")]
    pub(super) mime_type: String,
    #[serde(deserialize_with = "or_nothing", skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(deserialize_with = "or_nothing", skip_serializing_if = "Option::is_none")]
    pub(super) encoding: Option<String>,
    #[serde(deserialize_with = "or_nothing", skip_serializing_if = "Vec::is_empty")]
    pub(super) params: Vec<Named>,
    #[serde(rename = "_isEncoded", skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_encoded: bool,
    /// All bytes that passed, where not all were kept.
    #[serde(rename = "_size", skip_serializing_if = "Option::is_none")]
    pub(super) true_size: Option<u64>,
    #[serde(deserialize_with = "or_nothing", skip_serializing_if = "String::is_empty")]
    pub(super) comment: String,
}

/// A name and its value. What is not UTF-8 stands beside, exactly.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    #[serde(deserialize_with = "or_nothing")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_nothing")]
    pub(super) value: String,
    #[serde(rename = "_exact", skip_serializing_if = "Option::is_none")]
    pub(super) exact: Option<Text>,
}

/// Milliseconds; -1 for what did not happen.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Timings {
    #[serde(deserialize_with = "number")]
    pub(super) blocked: f64,
    #[serde(deserialize_with = "number")]
    pub(super) dns: f64,
    #[serde(deserialize_with = "number")]
    pub(super) connect: f64,
    #[serde(deserialize_with = "number")]
    pub(super) send: f64,
    #[serde(deserialize_with = "number")]
    pub(super) wait: f64,
    #[serde(deserialize_with = "number")]
    pub(super) receive: f64,
    #[serde(deserialize_with = "number")]
    pub(super) ssl: f64,
}

impl Default for Timings {
    fn default() -> Self {
        let never = -1.0;
        Self {
            blocked: never,
            dns: never,
            connect: never,
            send: never,
            wait: never,
            receive: never,
            ssl: never,
        }
    }
}

/// One message of a WebSocket, as Chrome writes it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct SocketEntry {
    #[serde(rename = "type")]
    pub(super) direction: String,
    /// Seconds since 1970.
    #[serde(deserialize_with = "number")]
    pub(super) time: f64,
    #[serde(deserialize_with = "number", serialize_with = "whole")]
    pub(super) opcode: f64,
    pub(super) data: String,
}

/// Some programs write `null` where nothing is.
fn or_nothing<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

/// Some programs write numbers as strings. What is no number did not happen.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Found {
        Number(f64),
        Text(String),
        Nothing(()),
    }
    Ok(match Found::deserialize(from)? {
        Found::Number(number) => number,
        Found::Text(text) => text.trim().parse().unwrap_or(-1.0),
        Found::Nothing(()) => -1.0,
    })
}

/// Readers of HAR expect statuses and sizes without a point.
fn whole<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        serializer.serialize_i64(*number as i64)
    } else {
        serializer.serialize_f64(*number)
    }
}

fn maybe_whole<S: Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match number {
        Some(number) => whole(number, serializer),
        None => serializer.serialize_none(),
    }
}
