//! What a developer sees of her requests on a real Kubernetes: recorded, shown, sent again and compared, and why others did
//! not arrive. Through the command line, as a user would.

#[allow(
    dead_code,
    reason = "the world of all tests on a cluster; these need a part of it"
)]
#[path = "e2e/world.rs"]
mod world;

use intercept_tests::{Address, Ask, Running, await_some, await_true, send};
use serde_json::Value;
use world::{Developer, LAPTOP, ORIGINAL, SETTLES, World, e2e, interrupt};

const MARK: (&str, &str) = ("X-Dev", "ada");
const ORDER: &str = r#"{"tea":"green","password":"hunter2"}"#;

fn order() -> Ask {
    Ask::post("/cart/items?n=1", ORDER).header(MARK.0, MARK.1)
}

async fn started(world: &World, ada: &Developer, more: &[&str]) -> Running {
    let to = world.to().await;
    let arguments = [&["api:web", "--to", &to, "--header", "X-Dev=ada"], more].concat();
    ada.start(&arguments).await
}

/// Runs a command that must succeed, and returns what it says to programs.
async fn told(developer: &Developer, arguments: &[&str]) -> Value {
    let ended = developer.run(&[arguments, &["--output", "json"]].concat()).await;
    assert_eq!(ended.code, Some(0), "{ended}");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended}"))
}

/// Runs a command that must succeed, and returns what it says to people.
async fn shown(developer: &Developer, arguments: &[&str]) -> String {
    let ended = developer.run(arguments).await;
    assert_eq!(ended.code, Some(0), "{ended}");
    ended.stdout
}

/// The newest recorded request that passes the filter, once there is one.
async fn recorded(developer: &Developer, filter: &[&str]) -> Value {
    await_some(SETTLES, "the request to be recorded", async || {
        let found = told(developer, &[&["requests"], filter].concat()).await;
        found["requests"].as_array().and_then(|all| all.last().cloned())
    })
    .await
}

async fn laptop_answers(address: &Address, ask: &Ask) {
    await_true(SETTLES, "the laptop to answer", async || {
        send(address, ask).await.is_ok_and(|answer| answer.by() == LAPTOP)
    })
    .await;
}

/// Who says in its answer that it answered the n-th of these replays.
fn replayed_by(told: &Value, index: usize) -> &Value {
    &told["replays"][index]["bodies"]["response"]["content"]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_sent_again_to_the_laptop_to_an_original_pod_and_to_both_with_what_differs() {
    e2e(async |world: &World| {
        let ada = world.developer("ada");
        let session = started(world, &ada, &[]).await;
        let address = world.namespace.address("api", 80).await;
        laptop_answers(&address, &order()).await;
        let id = recorded(&ada, &["is:answered"]).await["id"].to_string();

        let asked = ada.run(&["replay", &id]).await;
        assert_ne!(asked.code, Some(0), "a POST is not sent again unasked: {asked}");
        for (to, by) in [("laptop", LAPTOP), ("cluster", ORIGINAL)] {
            let told = told(&ada, &["replay", &id, "--yes", "--to", to]).await;
            let said = replayed_by(&told, 0).to_string();
            assert!(said.contains(by) && told["difference"].is_null(), "{to}: {told}");
        }
        let both = told(&ada, &["replay", &id, "--yes", "--to", "both"]).await;
        let (left, right) = (
            replayed_by(&both, 0).to_string(),
            replayed_by(&both, 1).to_string(),
        );
        assert!(left.contains(LAPTOP) && right.contains(ORIGINAL), "{both}");
        let differs = both["difference"]["body"].to_string();
        assert!(differs.contains(LAPTOP) && differs.contains(ORIGINAL), "{both}");
        assert!(both["difference"]["status"].is_null(), "{both}");
        // Both had the same request.
        assert!(!differs.contains("body_sha256"), "{both}");
        let text = shown(&ada, &["replay", &id, "--yes", "--to", "both"]).await;
        assert!(text.contains("What differs"), "{text}");

        let again = told(&ada, &["requests", "is:replayed", &format!("replayof:{id}")]).await;
        assert_eq!(again["requests"].as_array().map(Vec::len), Some(6), "{again}");
        interrupt(session).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn near_misses_are_told_by_their_reason() {
    e2e(async |world: &World| {
        let ada = world.developer("ada");
        let session = started(world, &ada, &["--path", "/cart", "--method", "POST"]).await;
        let address = world.namespace.address("api", 80).await;
        laptop_answers(&address, &order()).await;
        let misses = [
            ("absent", Ask::post("/cart", "")),
            ("otherValue", Ask::post("/cart", "").header(MARK.0, "adam")),
            ("otherPath", Ask::post("/cartoon", "").header(MARK.0, MARK.1)),
            ("otherMethod", Ask::get("/cart").header(MARK.0, MARK.1)),
        ];
        for (why, ask) in &misses {
            let answer = send(&address, ask).await.expect("an original pod must answer");
            assert_eq!(answer.by(), ORIGINAL, "{why}");
        }
        let view = await_some(SETTLES, "every reason to be told", async || {
            let view = told(&ada, &["why", "api"]).await;
            let has = |why: &str| view["reasons"].to_string().contains(&format!(r#""why":"{why}""#));
            misses.iter().all(|(why, _)| has(why)).then_some(view)
        })
        .await;
        let reasons = view["reasons"].as_array().expect("reasons must be a list");
        for (why, ask) in &misses {
            let reason = reasons.iter().find(|one| one["why"] == *why);
            let reason = reason.unwrap_or_else(|| panic!("{why}: {view}"));
            assert_eq!(reason["examples"][0]["uri"], *ask.target, "{view}");
            assert_eq!(reason["examples"][0]["status"], 200, "{view}");
        }
        assert!(view["sums"]["matched"].as_u64() > Some(0), "{view}");
        let text = shown(&ada, &["why", "api"]).await;
        for words in [
            "Another path",
            "Another method",
            "With another value of it",
            "found \"adam\"",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        interrupt(session).await;
    })
    .await;
}

/// Each place and its state, in order.
fn hops(report: &Value) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let hops = report["hops"].as_array().expect("a probe must tell its hops");
    hops.iter()
        .map(|hop| (word(&hop["what"]), word(&hop["state"])))
        .collect()
}

async fn stops_at(ada: &Developer, place: &str) {
    await_true(SETTLES, "the probe to stop there", async || {
        let ended = ada.run(&["probe", "api", "--output", "json"]).await;
        let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
        report["stoppedAt"] == place && ended.code == Some(5)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_tells_hop_by_hop_how_far_a_request_comes() {
    e2e(async |world: &World| {
        let ada = world.developer("ada");
        let session = started(world, &ada, &[]).await;
        let address = world.namespace.address("api", 80).await;
        laptop_answers(&address, &order()).await;
        let answered = world.laptop.lock().await.answered();
        let report = told(&ada, &["probe", "api"]).await;
        let passed = ["service", "proxy", "rule", "gate", "relay", "laptop", "program"]
            .map(|place| (place.to_owned(), "passed".to_owned()));
        assert_eq!(hops(&report), passed, "{report}");
        assert_eq!(
            world.laptop.lock().await.answered(),
            answered,
            "the program never sees it"
        );

        world.laptop.lock().await.stop().await;
        stops_at(&ada, "program").await;
        world.laptop.lock().await.restart().await;
        world.put_selector_back("gitops").await;
        stops_at(&ada, "proxy").await;
        interrupt(session).await;
    })
    .await;
}
