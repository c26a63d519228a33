//! One line for one exchange.

use intercept_inspect::exchange::{Moment, Outcome, Side, Summary};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthChar as _;

use crate::output::{bold, dim, good, one_line, warning};
use crate::recorded::Cover;

/// How lines are written.
pub(crate) struct Lines {
    cover: Cover,
    zone: TimeZone,
    /// Columns of the terminal; nothing is cut where there is none.
    width: Option<usize>,
    has_service: bool,
}

/// What may be shown of a path in any case.
const LEAST: usize = 16;

impl Lines {
    pub(crate) fn new(cover: Cover, width: Option<usize>, has_service: bool) -> Self {
        Self {
            cover,
            zone: TimeZone::system(),
            width,
            has_service,
        }
    }

    /// What stands above them.
    pub(crate) fn head(&self) -> String {
        let service = if self.has_service {
            format!("{:<16}  ", "SERVICE")
        } else {
            String::new()
        };
        bold(format!(
            "{:>7}  {:<12}  {:<7} {:<6}  {:>8}  {:>8}  {service}PATH",
            "ID", "TIME", "METHOD", "STATUS", "TOOK", "SIZE"
        ))
    }

    pub(crate) fn line(&self, one: &Summary) -> String {
        let service = if self.has_service {
            format!("{}  ", padded(&one_line(&one.place.service), 16))
        } else {
            String::new()
        };
        let before = format!(
            "{:>7}  {}  {} ",
            one.id.to_string(),
            dim(self.time(one.began)),
            padded(&one_line(&one.method), 7),
        );
        let status = status(one);
        let after = format!(
            "  {:>8}  {:>8}  {service}",
            one.took.map(micros).unwrap_or_default(),
            size(one.response_size),
        );
        let tags = tags(one);
        let used = 7 + 2 + 12 + 2 + 7 + 1 + 6 + 2 + 8 + 2 + 8 + 2 + width(&service);
        let room = self.width.map(|all| {
            let tags = if tags.is_empty() { 0 } else { width(&tags) + 2 };
            all.saturating_sub(used + tags).max(LEAST)
        });
        let target = one_line(&self.cover.target(&one.target));
        let target = room.map_or_else(|| target.clone(), |room| cut(&target, room));
        let tags = if tags.is_empty() {
            tags
        } else {
            format!("  {}", dim(tags))
        };
        format!("{before}{status}{after}{target}{tags}")
    }

    /// For programs, covered too.
    pub(crate) fn covered(&self, one: &Summary) -> Summary {
        Summary {
            target: self.cover.target(&one.target),
            ..one.clone()
        }
    }

    /// As a watch on the wall shows it.
    fn time(&self, moment: Moment) -> String {
        let Ok(timestamp) = Timestamp::from_microsecond(moment.0) else {
            return " ".repeat(12);
        };
        timestamp
            .to_zoned(self.zone.clone())
            .strftime("%H:%M:%S%.3f")
            .to_string()
    }

    /// With its date, for one that is shown alone.
    pub(crate) fn date(&self, moment: Moment) -> String {
        Timestamp::from_microsecond(moment.0).map_or_else(
            |_| moment.0.to_string(),
            |timestamp| {
                timestamp
                    .to_zoned(self.zone.clone())
                    .strftime("%Y-%m-%d %H:%M:%S%.6f %Z")
                    .to_string()
            },
        )
    }
}

/// The status, or what there is in its place; six columns.
fn status(one: &Summary) -> String {
    let shown = match one.status {
        Some(status) => format!("{status:<6}"),
        None => format!(
            "{:<6}",
            if one.outcome == Outcome::InFlight {
                "…"
            } else {
                "-"
            }
        ),
    };
    match one.status {
        Some(200..400) => good(shown),
        Some(400..500) => warning(shown),
        Some(500..) => bold(warning(shown)),
        _ => shown,
    }
}

/// What is worth a word beside the rest.
fn tags(one: &Summary) -> String {
    let mut tags = Vec::new();
    tags.extend(outcome(&one.outcome));
    if one.tags.pinned {
        tags.push("pinned".to_owned());
    }
    if let Some(of) = one.tags.replay_of {
        tags.push(format!("replay of {of}"));
    }
    if one.tags.edited {
        tags.push("edited".to_owned());
    }
    tags.join(", ")
}

/// How it ended, where that is not as usual.
pub(crate) fn outcome(outcome: &Outcome) -> Option<String> {
    Some(match outcome {
        Outcome::Answered => return None,
        Outcome::InFlight => "in flight".to_owned(),
        Outcome::Mocked => "mocked".to_owned(),
        Outcome::FellBack { why } => format!("answered by the original pods: {}", one_line(why)),
        Outcome::AnsweredByCluster => "answered by the original pods".to_owned(),
        Outcome::Reset { by: Side::Caller } => "cut off by the caller".to_owned(),
        Outcome::Reset { by: Side::Program } => "cut off by the program".to_owned(),
        Outcome::TimedOut => "no answer in time".to_owned(),
        Outcome::Failed { why } => format!("failed: {}", one_line(why)),
        Outcome::Imported => "imported".to_owned(),
    })
}

/// A time as people say it.
pub(crate) fn micros(micros: u64) -> String {
    match micros {
        0..1000 => format!("{micros} µs"),
        1000..10_000 => format!("{:.1} ms", micros as f64 / 1e3),
        10_000..1_000_000 => format!("{} ms", micros / 1000),
        _ => format!("{:.1} s", micros as f64 / 1e6),
    }
}

/// Bytes as people say it.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(1)).sum()
}

/// At least so wide; longer ones are cut.
fn padded(text: &str, columns: usize) -> String {
    let text = cut(text, columns);
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(&text))))
}

/// At most so wide.
fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(1);
        used < columns
    };
    let kept: String = text.chars().take_while(fits).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use intercept_inspect::exchange::{ExchangeId, Place, Protocol, Tags};

    use super::*;

    fn summary() -> Summary {
        Summary {
            id: ExchangeId(42),
            began: Moment(0),
            place: Place {
                service: "api".into(),
                ..Place::default()
            },
            protocol: Protocol::Http11,
            source: None,
            method: "GET".into(),
            target: "/cart?token=s3cret&page=2".into(),
            host: "api".into(),
            status: Some(200),
            media_type: None,
            request_size: 0,
            response_size: 1200,
            took: Some(12_345),
            outcome: Outcome::Answered,
            tags: Tags::default(),
        }
    }

    fn lines(width: Option<usize>) -> Lines {
        Lines::new(Cover::new(false).unwrap(), width, true)
    }

    #[test]
    fn a_line_says_what_was_asked_and_what_came_without_secrets() {
        let line = lines(None).line(&summary());
        for words in ["42", "GET", "200", "12 ms", "1.2 kB", "api", "/cart?", "page=2"] {
            assert!(line.contains(words), "{words}: {line}");
        }
        assert!(!line.contains("s3cret"), "{line}");
    }

    #[test]
    fn a_line_is_no_wider_than_the_terminal_and_keeps_its_tags() {
        let mut long = summary();
        long.target = format!("/{}", "名".repeat(300));
        long.tags.pinned = true;
        let line = lines(Some(120)).line(&long);
        let shown: String = line
            .chars()
            .filter(|c| !('\u{F0000}'..='\u{F0004}').contains(c))
            .collect();
        assert!(width(&shown) <= 120 && shown.contains('…'), "{shown}");
        assert!(shown.ends_with("pinned"), "{shown}");
    }

    #[test]
    fn what_a_request_says_stays_one_line_of_text() {
        let mut hostile = summary();
        hostile.target = "/a\nb\u{1b}[31m\u{F0004}".into();
        hostile.method = "G\rT".into();
        let line = lines(None).line(&hostile);
        let is_ours = |c: char| ('\u{F0000}'..='\u{F0004}').contains(&c);
        assert!(!line.contains(['\n', '\u{1b}', '\r']), "{line:?}");
        assert_eq!(line.chars().filter(|c| is_ours(*c)).count(), 4, "{line:?}");
    }

    #[test]
    fn times_and_sizes_have_the_unit_that_fits() {
        assert_eq!(
            [999, 1500, 123_456, 2_500_000].map(micros),
            ["999 µs", "1.5 ms", "123 ms", "2.5 s"]
        );
        assert_eq!([999, 1500, 2_500_000].map(size), ["999 B", "1.5 kB", "2.5 MB"]);
    }
}
