//! Two addresses under the same load, in turns. The load is wrk's: a generator of our own, unoptimised and beside the
//! measured program on two cores, would measure itself.

use std::time::Duration;

use intercept_tests::Address;
use tokio::process::Command;

use super::tell;

const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(4);

/// What one round showed.
#[derive(Clone, Copy)]
struct Figures {
    p50_ms: f64,
    rate: f64,
}

/// Rounds in turn, each side once a round; the medians of p50 and rate, and their ratios. `headers` go with every
/// request; `Connection: close` makes every request a connection.
pub(super) async fn side_by_side(
    what: &str,
    callers: usize,
    headers: &[&str],
    ours: (&Address, &str),
    theirs: (&Address, &str),
) {
    let (mut of_ours, mut of_theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        of_ours.push(round(ours.0, callers, headers).await);
        of_theirs.push(round(theirs.0, callers, headers).await);
    }
    let (mine, other) = (median(&of_ours), median(&of_theirs));
    tell(
        what,
        format!(
            "{} p50 {:.2} ms, {:.0}/s; {} p50 {:.2} ms, {:.0}/s; p50 × {:.2}, rate × {:.2}",
            ours.1,
            mine.p50_ms,
            mine.rate,
            theirs.1,
            other.p50_ms,
            other.rate,
            mine.p50_ms / other.p50_ms,
            mine.rate / other.rate
        ),
    );
}

fn median(rounds: &[Figures]) -> Figures {
    let of = |figure: fn(&Figures) -> f64| {
        let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
        figures.sort_unstable_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    Figures {
        p50_ms: of(|one| one.p50_ms),
        rate: of(|one| one.rate),
    }
}

async fn round(address: &Address, callers: usize, headers: &[&str]) -> Figures {
    let mut command = Command::new("wrk");
    command.args([
        "--threads",
        "1",
        "--latency",
        "--connections",
        &callers.to_string(),
    ]);
    command.args(["--duration", &format!("{}s", ROUND.as_secs())]);
    for header in headers {
        command.args(["--header", header]);
    }
    let output = command
        .arg(format!("http://{address}/"))
        .kill_on_drop(true)
        .output()
        .await
        .expect("wrk must start: scripts/setup.sh --bench-only installs it");
    let text = String::from_utf8_lossy(&output.stdout);
    let is_clean = output.status.success() && !text.contains("Socket errors") && !text.contains("Non-2xx");
    assert!(is_clean, "{text}{}", String::from_utf8_lossy(&output.stderr));
    read(&text).unwrap_or_else(|| panic!("not understood: {text}"))
}

/// From lines like `50%  640.00us` and `Requests/sec:  8816.35`.
fn read(text: &str) -> Option<Figures> {
    let after = |start: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(start))?;
        Some(line.trim())
    };
    let p50 = after("50%")?;
    let unit = p50.find(char::is_alphabetic)?;
    let to_ms = match &p50[unit..] {
        "us" => 0.001,
        "ms" => 1.0,
        "s" => 1000.0,
        _ => return None,
    };
    Some(Figures {
        p50_ms: p50[..unit].parse::<f64>().ok()? * to_ms,
        rate: after("Requests/sec:")?.parse().ok()?,
    })
}
