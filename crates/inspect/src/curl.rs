//! A request as a command line for curl, to be pasted into a POSIX shell.
//!
//! curl adds headers of its own and mends paths; the command forbids it what the recorded request did not have. A body that a
//! shell's word cannot carry comes through `printf`, which every shell has built in.
//!
//! Deliberately absent: other shells, and the way back from a command to a request.

use crate::edit::{ReplayError, is_token_byte, outgoing};
use crate::exchange::{Exchange, Header, Protocol};

/// A longer word is more than Linux lets a program be given (128 KiB), with room for quotes.
const LONGEST_WORD: usize = 32 << 10;
/// From here on curl would wait for a `100 Continue` that nobody asked for.
const EXPECTS: usize = 1 << 20;

/// Where the request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To<'a> {
    /// To the host that it named.
    Host,
    /// To another address, like `http://127.0.0.1:8080`, still naming its host.
    Address(&'a str),
}

/// A request for which there is no command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CurlError {
    /// It cannot be sent again at all.
    #[error("there is no curl command for request {id}")]
    Replay {
        /// Its number.
        id: u64,
        /// Why.
        #[source]
        source: ReplayError,
    },
    /// It named no host.
    #[error("request {0} names no host: say where it should go")]
    NoHost(u64),
    /// A method, host or header cannot be sent by curl.
    #[error("request {id} has a {what} that cannot be written as a curl command: export it as raw HTTP")]
    Unwritable {
        /// Its number.
        id: u64,
        /// What cannot be written.
        what: &'static str,
    },
}

/// The command that sends the request of `exchange` again.
///
/// # Errors
///
/// The request cannot be repeated, or not by curl.
pub fn command(exchange: &Exchange, to: To<'_>) -> Result<String, CurlError> {
    let id = exchange.id.0;
    let sent = outgoing(exchange).map_err(|source| CurlError::Replay { id, source })?;
    let unwritable = |what| CurlError::Unwritable { id, what };
    let method = sent.method.as_bytes();
    if method.is_empty() || !method.iter().all(|byte| is_token_byte(*byte)) {
        return Err(unwritable("method"));
    }
    let mut words: Vec<String> = ["curl", "-sS", "--globoff", "--path-as-is"]
        .map(str::to_owned)
        .into();
    words.push(version(sent.protocol).to_owned());
    // With -I curl takes no body; what a HEAD carries means nothing to anybody.
    let is_head = method == b"HEAD";
    let body = if is_head { &[][..] } else { &sent.body[..] };
    if is_head {
        words.push("-I".to_owned());
    } else if method != b"GET" || !body.is_empty() {
        words.push("-X".to_owned());
        words.push(word(method).ok_or_else(|| unwritable("method"))?);
    }
    words.extend(url(exchange, to)?);
    let host = matches!(to, To::Address(_)) && !sent.host.is_empty();
    let host = host.then(|| Header {
        name: "Host".into(),
        value: sent.host.clone(),
    });
    for header in host.iter().chain(&sent.headers) {
        let is_length = header.name.eq_ignore_ascii_case("content-length");
        if !is_length || (body.is_empty() && !is_head) {
            words.push("-H".to_owned());
            words.push(header_word(header).ok_or_else(|| unwritable("header"))?);
        }
    }
    for name in unwanted(&sent.headers, body) {
        words.push("-H".to_owned());
        words.push(format!("'{name}:'"));
    }
    Ok(with_body(words, body))
}

fn version(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http10 => "--http1.0",
        Protocol::Http2 => "--http2-prior-knowledge",
        Protocol::Http11 | Protocol::Bytes => "--http1.1",
    }
}

fn url(exchange: &Exchange, to: To<'_>) -> Result<Vec<String>, CurlError> {
    let id = exchange.id.0;
    let request = &exchange.request;
    let base = match to {
        To::Address(address) => address.trim_end_matches('/').to_owned(),
        To::Host if request.host.is_empty() => return Err(CurlError::NoHost(id)),
        To::Host => format!("http://{}", request.host.shown()),
    };
    let unwritable = |what| CurlError::Unwritable { id, what };
    let is_host = |byte: u8| byte.is_ascii_graphic() && !b"\\\"<>^`{|}@?#".contains(&byte);
    if !base.bytes().all(is_host) {
        return Err(unwritable("host"));
    }
    let target = request.target.as_bytes();
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b'#' && *byte != b'\\';
    if target.first() == Some(&b'/') && target.iter().all(is_plain) {
        let url = [base.as_bytes(), target].concat();
        return Ok(vec![word(&url).ok_or_else(|| unwritable("target"))?]);
    }
    let target = word(target).ok_or_else(|| unwritable("target"))?;
    let base = word(format!("{base}/").as_bytes()).ok_or_else(|| unwritable("host"))?;
    Ok(vec!["--request-target".to_owned(), target, base])
}

fn header_word(header: &Header) -> Option<String> {
    let (name, value) = (header.name.as_bytes(), header.value.as_bytes());
    let is_name = !name.is_empty() && name.iter().all(|byte| is_token_byte(*byte));
    if !is_name || value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return None;
    }
    // curl takes `Name:` as an order to leave the header out, and `Name;` as one to send it empty.
    if value.is_empty() {
        return word(&[name, b";"].concat());
    }
    word(&[name, b": ", value].concat())
}

/// What curl would add by itself.
fn unwanted(headers: &[Header], body: &[u8]) -> Vec<&'static str> {
    let has = |name: &str| {
        headers
            .iter()
            .any(|header| header.name.eq_ignore_ascii_case(name))
    };
    let mut added = vec!["Accept", "User-Agent"];
    if !body.is_empty() {
        added.push("Content-Type");
    }
    if body.len() >= EXPECTS {
        added.push("Expect");
    }
    added.retain(|name| !has(name));
    added
}

/// One word of a shell; nothing where no word can carry the bytes.
fn word(bytes: &[u8]) -> Option<String> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(char::is_control) => shlex::try_quote(text).ok().map(Into::into),
        _ if bytes.contains(&0) || bytes.ends_with(b"\n") => None,
        _ => Some(format!("\"$(printf {})\"", octal(bytes))),
    }
}

/// The bytes as a format of `printf`.
fn octal(bytes: &[u8]) -> String {
    let mut out = String::from("'");
    for byte in bytes {
        match byte {
            b'%' => out += "%%",
            b'\\' | b'\'' => out += &format!("\\{byte:03o}"),
            b' '..=b'~' => out.push(char::from(*byte)),
            _ => out += &format!("\\{byte:03o}"),
        }
    }
    out.push('\'');
    out
}

fn with_body(mut words: Vec<String>, body: &[u8]) -> String {
    if body.is_empty() {
        return words.join(" ");
    }
    let is_word =
        |text: &&str| !text.contains(|letter: char| letter.is_control() && letter != '\n' && letter != '\t');
    let text = std::str::from_utf8(body)
        .ok()
        .filter(is_word)
        .filter(|text| text.len() <= LONGEST_WORD);
    if let Some(quoted) = text.and_then(|text| shlex::try_quote(text).ok()) {
        words.push("--data-raw".to_owned());
        words.push(quoted.into());
        return words.join(" ");
    }
    words.push("--data-binary".to_owned());
    words.push("@-".to_owned());
    // A leading `-` would be an option to some shells' printf.
    let octal = octal(body).replacen("'-", "'\\055", 1);
    format!("printf {octal} | {}", words.join(" "))
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
