use std::collections::BTreeMap;

use intercept_protocol::ids::Token;
use intercept_protocol::matching::{HeaderName, Mark, Match, Value};
use intercept_protocol::record::Owner;
use k8s_openapi::api::core::v1::Service;
use serde_json::json;

use super::*;
use crate::snapshot::{FoundRecord, Right};
use crate::target::Target;

fn service(spec: &serde_json::Value) -> Service {
    let meta = json!({ "name": "api", "namespace": "shop" });
    serde_json::from_value(json!({ "metadata": meta, "spec": spec })).unwrap()
}

fn snapshot() -> Snapshot {
    let spec = json!({ "selector": { "app": "api" }, "ports": [{ "port": 80, "targetPort": 8080 }] });
    Snapshot {
        service: service(&spec),
        ..Snapshot::default()
    }
}

fn spec() -> InterceptSpec {
    InterceptSpec {
        namespace: "shop".into(),
        service: "api".into(),
        port: None,
        rule: Match::default(),
        target: Target::localhost(3000),
        ttl: None,
        protocol: None,
        owner: owner("ada"),
    }
}

fn owner(user: &str) -> Owner {
    Owner {
        user: user.into(),
        host: "laptop".into(),
    }
}

fn identity() -> Identity {
    Identity {
        intercept: InterceptId::random(),
        session: SessionId::random(),
        token_hash: Token::random().hash(),
        now: 1_000,
    }
}

fn carried() -> Carried {
    let part = AgentPart {
        name: "intercept-agent-amd64-0-0".into(),
        machine: "x86_64",
        index: 0,
        bytes: b"x",
    };
    Carried {
        parts: vec![part],
        architectures: vec!["amd64"],
    }
}

fn planned(snapshot: &Snapshot, spec: &InterceptSpec) -> Result<Plan, Vec<Refusal>> {
    plan(
        snapshot,
        spec,
        &ProxySettings::default(),
        &carried(),
        &identity(),
        |_| true,
    )
}

/// The cluster after `first` was engaged by `who`.
fn engaged(who: &str, first: &Match) -> Snapshot {
    let mut before = snapshot();
    let spec = InterceptSpec {
        rule: first.clone(),
        owner: owner(who),
        ..spec()
    };
    let plan = planned(&before, &spec).unwrap();
    let draft = plan.steps.iter().find_map(|step| match &step.action {
        Action::WriteRecord(draft) => Some(draft.clone()),
        _ => None,
    });
    let record = draft
        .unwrap()
        .record("shop", "api", [10, 0, 0, 1].into(), plan.intercept);
    before.record = Some(FoundRecord {
        record,
        resource_version: "1".into(),
        owner_uid: Some("u".into()),
        heartbeats: BTreeMap::new(),
    });
    before.proxy = Some(serde_json::from_value(json!({ "metadata": { "name": "p", "uid": "u" } })).unwrap());
    before.service = serde_json::from_value(json!({
        "metadata": { "name": "api", "namespace": "shop",
            "annotations": { "intercept.dev/original-selector": "{\"app\":\"api\"}" } },
        "spec": { "selector": proxy_selector("api"), "ports": [{ "port": 80, "targetPort": 8080 }] },
    }))
    .unwrap();
    before
}

fn header(value: &str) -> Match {
    Match::new(Mark::Header {
        name: HeaderName::new("X-Dev").unwrap(),
        value: Some(Value::new(value).unwrap()),
    })
}

#[test]
fn an_engage_switches_only_after_the_tunnel_answers_and_the_fuse_is_out() {
    let plan = planned(&snapshot(), &spec()).unwrap();
    assert_eq!(plan.way, Way::Engage);
    let place =
        |wanted: fn(&Action) -> bool| plan.steps.iter().position(|step| wanted(&step.action)).unwrap();
    let order = [
        place(|one| matches!(one, Action::Create(Object::Fuse(_)))),
        place(|one| matches!(one, Action::Create(Object::Proxy(_)))),
        place(|one| matches!(one, Action::Create(Object::Origin(_)))),
        place(|one| matches!(one, Action::WriteRecord(_))),
        place(|one| matches!(one, Action::Scale { .. })),
        place(|one| matches!(one, Action::OpenTunnel)),
        place(|one| matches!(one, Action::Defuse)),
        place(|one| matches!(one, Action::Switch(_))),
        place(|one| matches!(one, Action::AwaitSwitched)),
    ];
    assert!(order.is_sorted(), "{order:?}");
    assert!(plan.steps.is_sorted_by_key(|step| step.stage));
}

#[test]
fn the_selector_is_the_only_thing_of_the_service_that_changes() {
    let plan = planned(&snapshot(), &spec()).unwrap();
    let switches: Vec<&Switch> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Switch(switch) => Some(switch),
            _ => None,
        })
        .collect();
    let [switch] = switches.as_slice() else {
        panic!("one switch, not {switches:?}")
    };
    assert_eq!(
        switch.from,
        BTreeMap::from([("app".to_owned(), "api".to_owned())])
    );
    assert_eq!(switch.to, proxy_selector("api"));
    assert!(!switch.has_annotations);
}

#[test]
fn every_step_says_what_it_does_and_how_it_is_undone() {
    for step in planned(&snapshot(), &spec()).unwrap().steps {
        assert!(!step.sentence().is_empty() && !step.undo().is_empty(), "{step:?}");
    }
}

#[test]
fn a_join_changes_the_record_only() {
    let spec = InterceptSpec {
        rule: header("bob"),
        owner: owner("bob"),
        ..spec()
    };
    let plan = planned(&engaged("ada", &Match::default()), &spec).unwrap();
    assert_eq!(plan.way, Way::Join);
    assert!(
        plan.steps
            .iter()
            .all(|step| matches!(step.action, Action::AddToRecord | Action::OpenTunnel))
    );
}

#[test]
fn a_join_before_the_switch_finishes_the_switch() {
    let mut snapshot = engaged("ada", &Match::default());
    snapshot.service = self::snapshot().service;
    let spec = InterceptSpec {
        rule: header("bob"),
        owner: owner("bob"),
        ..spec()
    };
    let plan = planned(&snapshot, &spec).unwrap();
    assert!(
        plan.steps
            .iter()
            .any(|step| matches!(step.action, Action::Switch(_)))
    );
}

#[test]
fn a_join_starts_a_proxy_whose_maker_died_before_it_could() {
    let mut snapshot = engaged("ada", &Match::default());
    let proxy = snapshot.proxy.as_mut().unwrap();
    proxy.spec.get_or_insert_default().replicas = Some(0);
    let spec = InterceptSpec {
        rule: header("bob"),
        owner: owner("bob"),
        ..spec()
    };
    let plan = planned(&snapshot, &spec).unwrap();
    assert!(
        plan.steps
            .iter()
            .any(|step| matches!(step.action, Action::Scale { replicas: 1 }))
    );
}

#[test]
fn the_same_match_of_another_owner_is_refused_naming_them() {
    let refusals = planned(
        &engaged("ada", &Match::default()),
        &InterceptSpec {
            owner: owner("bob"),
            ..spec()
        },
    );
    assert!(
        matches!(refusals.unwrap_err().as_slice(), [Refusal::MatchTaken { owner, .. }] if owner.user == "ada")
    );
}

#[test]
fn the_same_intercept_again_changes_nothing() {
    let plan = planned(&engaged("ada", &Match::default()), &spec()).unwrap();
    assert_eq!(plan.way, Way::AlreadyHeld);
    assert!(plan.steps.is_empty());
}

#[test]
fn a_dead_session_of_the_same_owner_is_taken_over() {
    let snapshot = engaged("ada", &Match::default());
    let plan = plan(
        &snapshot,
        &spec(),
        &ProxySettings::default(),
        &carried(),
        &identity(),
        |_| false,
    )
    .unwrap();
    assert_eq!(plan.way, Way::TakeOver);
}

#[test]
fn a_service_no_selector_can_turn_is_refused() {
    for (spec, expected) in [
        (
            json!({ "type": "ExternalName", "externalName": "x", "ports": [{ "port": 80 }] }),
            Refusal::ExternalName,
        ),
        (json!({ "ports": [{ "port": 80 }] }), Refusal::NoSelector),
        (
            json!({ "selector": { "a": "b" }, "ports": [{ "port": 80 }, { "port": 53, "protocol": "UDP" }] }),
            Refusal::NotTcp {
                protocol: "UDP".into(),
                port: 53,
            },
        ),
    ] {
        let snapshot = Snapshot {
            service: service(&spec),
            ..Snapshot::default()
        };
        assert_eq!(planned(&snapshot, &self::spec()).unwrap_err(), [expected]);
    }
}

#[test]
fn a_headless_service_of_a_stateful_set_is_refused() {
    let spec = json!({ "clusterIP": "None", "selector": { "a": "b" }, "ports": [{ "port": 80 }] });
    let snapshot = Snapshot {
        service: service(&spec),
        governs: Some("db".into()),
        ..Snapshot::default()
    };
    let refusals = planned(&snapshot, &self::spec()).unwrap_err();
    assert_eq!(
        refusals,
        [Refusal::GovernsStatefulSet {
            stateful_set: "db".into()
        }]
    );
}

#[test]
fn a_tls_port_takes_all_traffic_only() {
    let spec = json!({ "selector": { "a": "b" }, "ports": [{ "port": 443 }] });
    let snapshot = Snapshot {
        service: service(&spec),
        ..Snapshot::default()
    };
    assert!(matches!(
        planned(&snapshot, &self::spec()).unwrap_err()[0],
        Refusal::OnlyAllTraffic { .. }
    ));
    let all = InterceptSpec {
        rule: Match::new(Mark::All),
        ..self::spec()
    };
    assert_eq!(planned(&snapshot, &all).unwrap().way, Way::Engage);
}

#[test]
fn missing_rights_are_all_named() {
    let mut snapshot = snapshot();
    snapshot.rights.missing = vec![
        Right {
            verb: "patch",
            resource: "services",
        },
        Right {
            verb: "create",
            resource: "configmaps",
        },
    ];
    assert_eq!(planned(&snapshot, &spec()).unwrap_err().len(), 2);
}

#[test]
fn without_the_right_to_make_roles_everything_but_self_restore_is_planned() {
    let mut snapshot = snapshot();
    snapshot.rights.missing_optional.insert(Optional::SelfRestore);
    let plan = planned(&snapshot, &spec()).unwrap();
    assert!(plan.warnings.contains(&Warning::NoSelfRestore));
    assert!(
        !plan
            .steps
            .iter()
            .any(|step| matches!(step.action, Action::Create(Object::Role(_))))
    );
    let proxy = plan.steps.iter().find_map(|step| match &step.action {
        Action::Create(Object::Proxy(proxy)) => Some(proxy),
        _ => None,
    });
    let pod = proxy.unwrap().spec.clone().unwrap().template.spec.unwrap();
    assert_eq!(pod.automount_service_account_token, Some(false));
}

#[test]
fn every_container_fits_pod_security_restricted() {
    let plan = planned(&snapshot(), &spec()).unwrap();
    let proxy = plan.steps.iter().find_map(|step| match &step.action {
        Action::Create(Object::Proxy(proxy)) => Some(proxy),
        _ => None,
    });
    let pod = proxy.unwrap().spec.clone().unwrap().template.spec.unwrap();
    assert_eq!(pod.security_context.unwrap().run_as_non_root, Some(true));
    for container in pod.containers {
        let security = container.security_context.unwrap();
        assert_eq!(security.allow_privilege_escalation, Some(false));
        assert_eq!(security.read_only_root_filesystem, Some(true));
        assert_eq!(security.capabilities.unwrap().drop.unwrap(), ["ALL"]);
    }
}

#[test]
fn an_empty_record_cannot_be_joined() {
    let mut snapshot = engaged("ada", &Match::default());
    assert!(is_joinable(&snapshot));
    snapshot.record.as_mut().unwrap().record.intercepts.clear();
    assert!(!is_joinable(&snapshot) && !is_untouched(&snapshot));
}

#[test]
fn the_diff_shows_the_switch_and_hides_the_secret() {
    let plan = planned(&snapshot(), &spec()).unwrap();
    let diff = plan.diff();
    assert!(
        diff.contains("-   spec.selector: app=api\n+   spec.selector: intercept.dev/proxy=api"),
        "{diff}"
    );
    let hash = serde_json::to_value(&plan.intercept.token_hash).unwrap();
    assert!(!diff.contains(hash.as_str().unwrap()));
}

/// Slices as Kubernetes makes them for one ready and one unready pod.
fn with_pods(mut snapshot: Snapshot) -> Snapshot {
    let slice = json!({ "addressType": "IPv4", "ports": [{ "port": 8080 }], "endpoints": [
        { "addresses": ["10.1.0.1"], "conditions": { "ready": true } },
        { "addresses": ["10.1.0.2"], "conditions": { "ready": false } },
    ] });
    snapshot.endpoints = vec![serde_json::from_value(slice).unwrap()];
    snapshot
}

fn origin(plan: &Plan) -> Service {
    let origins = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Create(Object::Origin(origin)) => Some((**origin).clone()),
        _ => None,
    });
    origins.into_iter().next().unwrap()
}

fn direct(plan: &Plan) -> Vec<String> {
    let drafts = plan.steps.iter().filter_map(|step| match &step.action {
        Action::WriteRecord(draft) => Some(draft.clone()),
        _ => None,
    });
    let listeners = drafts.flat_map(|draft| draft.ports.listeners);
    listeners
        .flat_map(|one| one.direct)
        .map(|one| one.to_string())
        .collect()
}

#[test]
fn with_ready_pods_the_nodes_see_the_origin_only_after_the_switch() {
    let plan = planned(&with_pods(snapshot()), &spec()).unwrap();
    assert_eq!(direct(&plan), ["10.1.0.1:8080"]);
    assert!(manifest::is_hidden(&origin(&plan)));
    let [.., switched, shown] = plan.steps.as_slice() else {
        panic!("an engage has steps")
    };
    assert!(matches!(
        (&switched.action, &shown.action),
        (Action::AwaitSwitched, Action::ShowOrigin)
    ));
}

#[test]
fn without_ready_pods_or_rights_or_in_a_mesh_the_origin_service_is_the_only_way() {
    let mut in_mesh = with_pods(snapshot());
    let pod = json!({ "spec": { "containers": [{ "name": "api" }, { "name": "istio-proxy" }] } });
    in_mesh.pods = vec![serde_json::from_value(pod).unwrap()];
    let mut without_rights = with_pods(snapshot());
    without_rights
        .rights
        .missing_optional
        .insert(Optional::SelfRestore);
    for snapshot in [snapshot(), in_mesh, without_rights] {
        let plan = planned(&snapshot, &spec()).unwrap();
        assert_eq!(direct(&plan), [""; 0]);
        assert!(!manifest::is_hidden(&origin(&plan)));
        assert!(
            !plan
                .steps
                .iter()
                .any(|step| matches!(step.action, Action::ShowOrigin))
        );
    }
}

#[test]
fn a_join_shows_an_origin_that_a_dead_session_left_hidden() {
    let origin = origin(&planned(&with_pods(snapshot()), &spec()).unwrap());
    let mut snapshot = engaged("ada", &Match::default());
    snapshot.origin = Some(origin);
    let spec = InterceptSpec {
        rule: header("bob"),
        owner: owner("bob"),
        ..spec()
    };
    let plan = planned(&snapshot, &spec).unwrap();
    assert!(
        plan.steps
            .iter()
            .any(|step| matches!(step.action, Action::ShowOrigin))
    );
}
