//! What helps whoever looks into a problem. No secret, no body and no address of a request is in it.

use std::fmt::Write as _;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use crate::wire::{InterceptView, Preferences, StoreUsage, TimelineEntry};

/// What is known, gathered.
pub(crate) struct Known {
    pub(crate) version: String,
    pub(crate) contexts: Vec<String>,
    pub(crate) intercepts: Vec<InterceptView>,
    pub(crate) timeline: Vec<TimelineEntry>,
    pub(crate) usage: Option<StoreUsage>,
    pub(crate) preferences: Preferences,
    pub(crate) missing: Vec<String>,
    /// The end of the log.
    pub(crate) log: String,
}

/// As text that somebody can read before sending it.
pub(crate) fn text(known: &Known) -> String {
    let mut out = format!(
        "Intercept {} on {} {}\n",
        known.version,
        std::env::consts::OS,
        std::env::consts::ARCH
    );
    // Writing into a string cannot fail.
    let _ = writeln!(out, "connected: {}", known.contexts.join(", "));
    for one in &known.missing {
        let _ = writeln!(out, "missing: {one}");
    }
    if let Some(usage) = known.usage {
        let _ = writeln!(out, "recorded: {} requests, {} bytes", usage.count, usage.bytes);
    }
    let prefers = &known.preferences;
    let _ = writeln!(
        out,
        "proxy image {:?}, agent image {:?}, recording {:?}",
        prefers.proxy_image, prefers.agent_image, prefers.recording
    );
    out.push_str("\nIntercepts\n");
    for one in &known.intercepts {
        let _ = writeln!(
            out,
            "#{} {}/{} port {:?} to {}: {:?}",
            one.key, one.wish.namespace, one.wish.service, one.port, one.target, one.phase
        );
        for step in &one.steps {
            let _ = writeln!(
                out,
                "    {:?} {:?} ms {}",
                step.state, step.took_ms, step.sentence
            );
        }
        for relay in &one.relays {
            let _ = writeln!(
                out,
                "    relay {} open {} {:?}",
                relay.pod, relay.is_open, relay.why
            );
        }
        if let Some(ending) = &one.ending {
            let _ = writeln!(out, "    {} {:?}", ending.sentence, ending.causes);
        }
    }
    out.push_str("\nTimeline, milliseconds since 1970\n");
    for entry in &known.timeline {
        let _ = writeln!(out, "{} {:?} {}", entry.at, entry.what, entry.sentence);
    }
    out.push_str("\nLog\n");
    out.push_str(&known.log);
    out
}

/// The last bytes of the newest log.
pub(crate) fn end_of_log(folder: &Path, most: u64) -> String {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return String::new();
    };
    let newest = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().ends_with(".log"))
        .max_by_key(std::fs::DirEntry::file_name);
    let read = |path: &Path| -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(path)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(most)))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = newest.and_then(|entry| read(&entry.path()).ok());
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
}
