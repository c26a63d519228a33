//! Who gets which request, asked of the real NGINX with a laptop behind each rule.

use std::sync::Arc;

use intercept_agent::Agent;
use intercept_agent::settings::Settings;
use intercept_protocol::matching::{BaggageKey, HeaderName, Mark, Match, Method, PathPrefix, Value};
use intercept_protocol::record::Record;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::rig::{
    Developer, Laptop, Program, RunningNginx, await_condition, record, start_origin, usable_nginx, who,
};

pub(crate) fn header(name: &str, value: Option<&str>) -> Match {
    Match::new(Mark::Header {
        name: HeaderName::new(name).unwrap(),
        value: value.map(|value| Value::new(value).unwrap()),
    })
}

pub(crate) fn baggage(key: &str, value: Option<&str>) -> Match {
    Match::new(Mark::Baggage {
        key: BaggageKey::new(key).unwrap(),
        value: value.map(|value| Value::new(value).unwrap()),
    })
}

pub(crate) fn below(mut rule: Match, path: &str) -> Match {
    rule.path_prefix = Some(PathPrefix::new(path).unwrap());
    rule
}

pub(crate) fn with_method(mut rule: Match, method: &str) -> Match {
    rule.methods.insert(Method::new(method).unwrap());
    rule
}

pub(crate) fn settings(dir: &TempDir) -> Settings {
    let value = |name: &str| match name {
        "INTERCEPT_NAMESPACE" => Some("shop".to_owned()),
        "INTERCEPT_SERVICE" => Some("api".to_owned()),
        "INTERCEPT_POD" | "INTERCEPT_POD_UID" => Some("pod".to_owned()),
        "INTERCEPT_RUN_DIR" => Some(dir.path().join("run").display().to_string()),
        "INTERCEPT_RECORD_DIR" => Some(dir.path().join("record").display().to_string()),
        "INTERCEPT_ACCOUNT_DIR" => Some(dir.path().join("account").display().to_string()),
        // Services of a test are on the loopback address too.
        "INTERCEPT_POD_ADDRESS" => Some("127.0.0.1".to_owned()),
        "INTERCEPT_NGINX_CPUS" => Some("1".to_owned()),
        "INTERCEPT_NGINX" => crate::rig::nginx_binary().map(|path| path.display().to_string()),
        _ => None,
    };
    std::fs::create_dir_all(dir.path().join("run/gate")).unwrap();
    std::fs::create_dir_all(dir.path().join("record")).unwrap();
    Settings::read(value).unwrap()
}

/// The agent's gates and relay beside an NGINX that runs `record`, without the agent's conductor.
pub(crate) struct Parts {
    pub(crate) agent: Arc<Agent>,
    pub(crate) port: u16,
    _dir: TempDir,
    _nginx: RunningNginx,
}

impl Parts {
    pub(crate) async fn start(record: &Record) -> Option<Self> {
        let (path, binary) = usable_nginx().await?;
        let dir = tempfile::tempdir().unwrap();
        let agent = Agent::new(settings(&dir));
        let lines = intercept_agent::traffic::bind(&agent.settings.run_dir).unwrap();
        tokio::spawn(intercept_agent::traffic::listen(agent.clone(), lines));
        let nginx = RunningNginx::with(&path, &binary, record, &agent.settings.run_dir).await;
        agent.record.send_replace(Some(Arc::new(record.clone())));
        tokio::spawn(intercept_agent::gate::keep(
            agent.clone(),
            CancellationToken::new(),
        ));
        tokio::spawn(intercept_agent::relay::serve(agent.clone()));
        let port = record.listeners[0].port;
        Some(Self {
            agent,
            port,
            _dir: dir,
            _nginx: nginx,
        })
    }

    pub(crate) async fn gates_are_open(&self, count: usize) {
        await_condition("the gates are as wanted", || async {
            self.agent.status.borrow().open.len() == count
        })
        .await;
    }
}

/// An NGINX with one laptop, named by its place, behind each rule.
pub(crate) async fn start(rules: Vec<Match>) -> Option<(Parts, Vec<Laptop>)> {
    let mut record = record(start_origin().await);
    let port = record.listeners[0].port;
    let developers: Vec<Developer> = rules.iter().map(|_| Developer::new()).collect();
    for (developer, rule) in developers.iter().zip(rules) {
        record.intercepts.push(developer.intercept(port, rule));
    }
    let parts = Parts::start(&record).await?;
    let mut laptops = Vec::new();
    for (place, developer) in developers.iter().enumerate() {
        laptops
            .push(Laptop::connect(record.relay_port, developer, &place.to_string(), Program::Answers).await);
    }
    parts.gates_are_open(laptops.len()).await;
    Some((parts, laptops))
}

async fn assert_each(parts: &Parts, cases: &[(&str, &str, &str)]) {
    for (line, headers, expected) in cases {
        let body = if line.starts_with("POST") { "body" } else { "" };
        let found = who(parts.port, line, headers, body).await;
        assert_eq!(found, *expected, "{line} with {headers:?}");
    }
}

#[tokio::test]
async fn a_header_is_matched_by_its_exact_value() {
    let Some((parts, _laptops)) = start(vec![header("X-C6O-INTERCEPT", Some("yes"))]).await else {
        return;
    };
    assert_each(
        &parts,
        &[
            ("GET /", "X-C6O-INTERCEPT: yes\r\n", "0"),
            ("POST /", "x-c6o-intercept: yes\r\n", "0"),
            ("GET /", "X-C6O-INTERCEPT: Yes\r\n", "origin"),
            ("GET /", "X-C6O-INTERCEPT: yes1\r\n", "origin"),
            ("POST /", "X-C6O-INTERCEPT: \r\n", "origin"),
            ("POST /", "", "origin"),
        ],
    )
    .await;
}

#[tokio::test]
async fn odd_values_match_themselves_and_nothing_else() {
    let odd = "a\"b'c\\d $e {f}; (g)* [h] é %41 ~^.+";
    let Some((parts, _laptops)) = start(vec![header("X-Odd", Some(odd))]).await else {
        return;
    };
    let exact = format!("X-Odd: {odd}\r\n");
    let other = format!("X-Odd: {}\r\n", odd.replace(".+", "ab"));
    assert_each(&parts, &[("GET /", &exact, "0"), ("GET /", &other, "origin")]).await;
}

#[tokio::test]
async fn a_value_longer_than_one_token_is_compared_whole() {
    let long = "é\\".repeat(341);
    let Some((parts, _laptops)) = start(vec![header("X-Long", Some(&long))]).await else {
        return;
    };
    let cut = &long[..long.len() - 1];
    let (exact, more, less) = (
        format!("X-Long: {long}\r\n"),
        format!("X-Long: {long}x\r\n"),
        format!("X-Long: {cut}\r\n"),
    );
    assert_each(
        &parts,
        &[
            ("GET /", &exact, "0"),
            ("GET /", &more, "origin"),
            ("GET /", &less, "origin"),
        ],
    )
    .await;
}

#[tokio::test]
async fn any_value_is_any_but_none() {
    let Some((parts, _laptops)) = start(vec![header("X-Dev", None)]).await else {
        return;
    };
    assert_each(
        &parts,
        &[
            ("GET /", "X-Dev: whatever\r\n", "0"),
            ("GET /", "X-Dev:\r\n", "origin"),
            ("GET /", "", "origin"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_baggage_member_is_found_wherever_it_stands() {
    let rules = vec![baggage("dev", Some("jürgen, x")), baggage("any", None)];
    let Some((parts, _laptops)) = start(rules).await else {
        return;
    };
    assert_each(
        &parts,
        &[
            ("GET /", "baggage: dev=j%C3%BCrgen%2C%20x\r\n", "0"),
            (
                "GET /",
                "baggage: a=b , dev = j%c3%bcrgen%2c%20%78 ;p=1, c=d\r\n",
                "0",
            ),
            ("GET /", "baggage: dev=jürgen%2C%20x\r\n", "0"),
            ("GET /", "baggage: dev=j%C3%BCrgen%2C%20xy\r\n", "origin"),
            ("GET /", "baggage: xdev=j%C3%BCrgen%2C%20x\r\n", "origin"),
            ("GET /", "baggage: a=1;dev=j%C3%BCrgen%2C%20x\r\n", "origin"),
            ("GET /", "baggage: any=1\r\n", "1"),
            ("GET /", "baggage: any=\r\n", "origin"),
        ],
    )
    .await;
}

/// A compiled expression has far less memory for its search than an interpreted one.
#[tokio::test]
async fn a_long_member_behind_a_long_list_is_found() {
    let long = "ü,".repeat(340);
    let Some((parts, _laptops)) = start(vec![baggage("dev", Some(&long))]).await else {
        return;
    };
    let others = "dev = other ;p=1 , ".repeat(10_000);
    let encoded = "%C3%bc%2C".repeat(340);
    let (there, cut) = (
        format!("baggage: {others}dev={encoded}\r\n"),
        format!("baggage: {others}dev={}\r\n", &encoded[3..]),
    );
    assert_each(&parts, &[("GET /", &there, "0"), ("GET /", &cut, "origin")]).await;
}

#[tokio::test]
async fn a_path_prefix_takes_whole_segments() {
    let Some((parts, _laptops)) = start(vec![below(Match::new(Mark::All), "/cart")]).await else {
        return;
    };
    assert_each(
        &parts,
        &[
            ("GET /cart", "", "0"),
            ("GET /cart/1", "", "0"),
            ("POST /cart?x=/", "", "0"),
            ("GET /cartoon", "", "origin"),
            ("GET /x/cart", "", "origin"),
            ("GET /%63art", "", "origin"),
            ("GET http://elsewhere/cart/2", "", "0"),
        ],
    )
    .await;
}

#[tokio::test]
async fn all_parts_must_fit() {
    let rule = with_method(
        with_method(below(header("X-Dev", Some("a")), "/v1"), "POST"),
        "PUT",
    );
    let Some((parts, _laptops)) = start(vec![rule]).await else {
        return;
    };
    assert_each(
        &parts,
        &[
            ("POST /v1/x", "X-Dev: a\r\n", "0"),
            ("PUT /v1", "X-Dev: a\r\n", "0"),
            ("GET /v1/x", "X-Dev: a\r\n", "origin"),
            ("POST /v2", "X-Dev: a\r\n", "origin"),
            ("POST /v1", "X-Dev: b\r\n", "origin"),
        ],
    )
    .await;
}

#[tokio::test]
async fn precedence_is_the_documented_one() {
    let rules = vec![
        Match::new(Mark::All),
        header("X-Dev", None),
        header("X-Dev", Some("a")),
        below(header("X-Dev", Some("a")), "/deep"),
        with_method(header("X-Dev", Some("a")), "DELETE"),
        baggage("dev", Some("b")),
    ];
    let Some((parts, _laptops)) = start(rules).await else {
        return;
    };
    assert_each(
        &parts,
        &[
            ("GET /", "", "0"),
            ("GET /", "X-Dev: z\r\n", "1"),
            ("GET /", "X-Dev: a\r\n", "2"),
            ("DELETE /deep/1", "X-Dev: a\r\n", "3"),
            ("DELETE /", "X-Dev: a\r\n", "4"),
            ("GET /", "X-Dev: z\r\nbaggage: dev=b\r\n", "5"),
            ("GET /", "X-Dev: a\r\nbaggage: dev=b\r\n", "2"),
        ],
    )
    .await;
}
