//! Words that several commands use.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) use intercept_engine::words::{curl, requests};

/// Seconds since 1970 UTC.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// A time as kubectl shows ages: `42s`, `5m`, `3h12m`, `4d`.
pub(crate) fn span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{minutes}m"),
        7200..172_800 if minutes % 60 == 0 => format!("{hours}h"),
        7200..172_800 => format!("{hours}h{}m", minutes % 60),
        _ => format!("{days}d"),
    }
}

/// How long something took.
pub(crate) fn took(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1}s", time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short() {
        for (seconds, shown) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (7200, "2h"),
            (7260, "2h1m"),
            (172_800, "2d"),
        ] {
            assert_eq!(span(seconds), shown);
        }
    }
}
