//! Exchanges to HAR.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use super::entry::{Content, Entry, Named, Own, Request, Response, SocketEntry, Timings};
use super::is_encoded;
use crate::exchange::{Exchange, Header, Message, Place, Protocol, Side, Times};
use crate::redact::{Plain, Reader};
use crate::text::Text;

/// Writes a HAR file, one exchange at a time.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    written: usize,
    left_out: usize,
}

/// Writes all of `exchanges` and says how many were left out because they are not HTTP.
///
/// # Errors
///
/// `out` takes no more. What was written by then is no whole file.
pub fn export<W: Write>(
    out: W,
    exchanges: impl IntoIterator<Item = Exchange>,
    reader: &dyn Reader,
) -> io::Result<usize> {
    let mut writer = Writer::new(out)?;
    for exchange in exchanges {
        writer.add(&exchange, reader)?;
    }
    let left_out = writer.left_out;
    writer.finish()?;
    Ok(left_out)
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    ///
    /// `out` takes nothing.
    pub fn new(mut out: W) -> io::Result<Self> {
        let version = env!("CARGO_PKG_VERSION");
        write!(
            out,
            r#"{{"log":{{"version":"1.2","creator":{{"name":"Intercept","version":"{version}"}},"entries":["#
        )?;
        Ok(Self {
            out,
            written: 0,
            left_out: 0,
        })
    }

    /// Writes one exchange, if it is HTTP: HAR has no way to say anything else.
    ///
    /// # Errors
    ///
    /// The writer takes no more.
    pub fn add(&mut self, exchange: &Exchange, reader: &dyn Reader) -> io::Result<()> {
        if exchange.protocol == Protocol::Bytes {
            self.left_out += 1;
            return Ok(());
        }
        self.out
            .write_all(if self.written == 0 { b"\n" } else { b",\n" })?;
        self.written += 1;
        serde_json::to_writer(&mut self.out, &entry(exchange, reader)).map_err(io::Error::from)
    }

    /// Ends the file and gives back what it was written to.
    ///
    /// # Errors
    ///
    /// The writer takes no more.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(b"\n]}}\n")?;
        self.out.flush()?;
        Ok(self.out)
    }
}

fn entry(exchange: &Exchange, reader: &dyn Reader) -> Entry {
    let timings = timings(&exchange.times);
    Entry {
        started_date_time: moment(exchange.began.0),
        time: [timings.connect, timings.send, timings.wait, timings.receive]
            .iter()
            .filter(|part| **part > 0.0)
            .sum(),
        request: request(exchange, reader),
        response: response(exchange, reader),
        timings,
        socket: socket(exchange, reader),
        own: Some(own(exchange)),
        ..Entry::default()
    }
}

fn own(exchange: &Exchange) -> Own {
    let place = &exchange.place;
    Own {
        id: exchange.id,
        // A file is given to others: the name of the cluster and of the intercept stay here.
        place: Place {
            context: String::new(),
            intercept: String::new(),
            ..place.clone()
        },
        times: exchange.times,
        protocol: exchange.protocol,
        target: exchange.request.target.clone(),
        host: exchange.request.host.clone(),
        source: exchange.source.clone(),
        tags: exchange.tags.clone(),
        interim: exchange
            .response
            .as_ref()
            .map_or_else(Vec::new, |response| response.interim.clone()),
    }
}

fn moment(micros: i64) -> String {
    let moment = Timestamp::from_microsecond(micros).unwrap_or_default();
    format!("{moment:.6}")
}

fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

fn timings(times: &Times) -> Timings {
    let since =
        |until: Option<u64>, from: u64| until.map_or(-1.0, |until| millis(until.saturating_sub(from)));
    let connected = times.connect.unwrap_or(0);
    let sent = times.sent.map_or(connected, |sent| sent.max(connected));
    let answered = times.first_byte.map_or(sent, |first| first.max(sent));
    Timings {
        connect: times.connect.map_or(-1.0, millis),
        // These three must be numbers that mean something to others.
        send: since(times.sent, connected).max(0.0),
        wait: since(times.first_byte, sent).max(0.0),
        receive: since(times.last_byte, answered).max(0.0),
        ..Timings::default()
    }
}

fn request(exchange: &Exchange, reader: &dyn Reader) -> Request {
    let request = &exchange.request;
    let url = url(&request.target.shown(), &request.host.shown());
    let body = &request.message.body;
    Request {
        method: request.method.shown().into_owned(),
        query_string: query(&url),
        url,
        http_version: exchange.protocol.name().to_owned(),
        cookies: cookies(&request.message, "cookie"),
        headers: named(&request.message.headers),
        post_data: (body.size > 0).then(|| Content {
            size: None,
            ..content(&request.message, reader)
        }),
        headers_size: -1.0,
        body_size: body.size as f64,
        trailers: named(&request.message.trailers),
    }
}

fn url(target: &str, host: &str) -> String {
    let is_absolute = ["http://", "https://"]
        .iter()
        .any(|scheme| target.starts_with(scheme));
    match target {
        absolute if is_absolute => absolute.to_owned(),
        path if path.starts_with('/') => format!("http://{host}{path}"),
        other => format!("http://{host}/{other}"),
    }
}

fn response(exchange: &Exchange, reader: &dyn Reader) -> Response {
    let Some(response) = &exchange.response else {
        return Response {
            headers_size: -1.0,
            body_size: -1.0,
            content: Content {
                size: Some(0.0),
                mime_type: "x-unknown".to_owned(),
                ..Content::default()
            },
            error: Some("no answer".to_owned()),
            ..Response::default()
        };
    };
    let message = &response.message;
    Response {
        status: f64::from(response.status),
        status_text: response.reason.shown().into_owned(),
        http_version: exchange.protocol.name().to_owned(),
        cookies: cookies(message, "set-cookie"),
        headers: named(&message.headers),
        content: content(message, reader),
        redirect_url: message
            .header("location")
            .map_or_else(String::new, |value| value.shown().into_owned()),
        headers_size: -1.0,
        body_size: message.body.size as f64,
        trailers: named(&message.trailers),
        error: None,
    }
}

fn named(headers: &[Header]) -> Vec<Named> {
    let named = headers.iter().map(|header| Named {
        name: header.name.shown().into_owned(),
        value: header.value.shown().into_owned(),
        exact: std::str::from_utf8(header.value.as_bytes())
            .is_err()
            .then(|| header.value.clone()),
    });
    named.collect()
}

fn pair(text: &str) -> Named {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    Named {
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
        exact: None,
    }
}

fn cookies(message: &Message, name: &str) -> Vec<Named> {
    let of_name = message
        .headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case(name));
    let values: Vec<_> = of_name.map(|header| header.value.shown()).collect();
    let pairs = values.iter().flat_map(|value| {
        // `Set-Cookie` holds one, followed by its attributes.
        value
            .split(';')
            .take(if name == "cookie" { usize::MAX } else { 1 })
    });
    pairs.map(pair).collect()
}

fn query(url: &str) -> Vec<Named> {
    let before_fragment = url.split('#').next().unwrap_or_default();
    let query = before_fragment.split_once('?').map_or("", |(_, query)| query);
    let decoded = |text: String| {
        percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    let pairs = query.split('&').filter(|part| !part.is_empty()).map(pair);
    pairs
        .map(|pair| Named {
            name: decoded(pair.name),
            value: decoded(pair.value),
            exact: None,
        })
        .collect()
}

fn content(message: &Message, reader: &dyn Reader) -> Content {
    let body = &message.body;
    let read = if is_encoded(message) {
        reader.plain(message)
    } else {
        None
    };
    let is_still_encoded = is_encoded(message) && read.is_none();
    let Plain { bytes, is_whole } = read.unwrap_or(Plain {
        bytes: (&body.bytes).into(),
        is_whole: body.is_whole(),
    });
    let (text, encoding) = match std::str::from_utf8(&bytes) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => (STANDARD.encode(&bytes), Some("base64".to_owned())),
    };
    let comment = format!(
        "{} of {} bytes that passed were recorded",
        body.bytes.len(),
        body.size
    );
    Content {
        size: Some(if is_whole {
            bytes.len() as f64
        } else {
            body.size as f64
        }),
        mime_type: message
            .header("content-type")
            .map_or_else(String::new, |value| value.shown().into_owned()),
        text: (!bytes.is_empty()).then_some(text),
        encoding,
        is_encoded: is_still_encoded && !bytes.is_empty(),
        true_size: (!is_whole).then_some(body.size.max(bytes.len() as u64 + 1)),
        comment: if is_whole { String::new() } else { comment },
        params: Vec::new(),
    }
}

fn socket(exchange: &Exchange, reader: &dyn Reader) -> Vec<SocketEntry> {
    let messages = reader.socket(exchange).into_iter().map(|message| {
        let text = (message.opcode == 1).then(|| Text::from(message.bytes.clone()).shown().into_owned());
        SocketEntry {
            direction: if message.from == Side::Caller {
                "send"
            } else {
                "receive"
            }
            .to_owned(),
            time: message.at.0 as f64 / 1e6,
            opcode: f64::from(message.opcode),
            data: text.unwrap_or_else(|| STANDARD.encode(&message.bytes)),
        }
    });
    messages.collect()
}
