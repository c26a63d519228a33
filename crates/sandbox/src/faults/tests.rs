use super::*;

fn call(verb: &str, resource: &str) -> Call {
    Call {
        verb: verb.to_owned(),
        resource: resource.to_owned(),
        namespace: "shop".to_owned(),
        name: "api".to_owned(),
        user: "dora".to_owned(),
        is_component: false,
    }
}

const CONFLICT: Effect = Effect::Status {
    code: 409,
    retry_after: None,
};

#[test]
fn words_say_what_a_fault_is() {
    for (words, fault) in [
        (
            "patch services 409 x2",
            Fault::new("patch", "services", CONFLICT).times(2),
        ),
        (
            "create configmaps/rec in shop by dora lost nth 3",
            Fault::new("create", "configmaps", Effect::Lost)
                .named("rec")
                .in_namespace("shop")
                .by_user("dora")
                .nth(3),
        ),
        (
            "* * 429 retry 3 after 10",
            Fault::new(
                "*",
                "*",
                Effect::Status {
                    code: 429,
                    retry_after: Some(3),
                },
            )
            .after(10),
        ),
        (
            "get  pods delay 200ms",
            Fault::new("get", "pods", Effect::Delay(Duration::from_millis(200))),
        ),
        (
            "portforward pods/p stall",
            Fault::new("create", "pods/portforward", Effect::Stall).named("p"),
        ),
        ("get pods.log hang", Fault::new("get", "pods/log", Effect::Hang)),
    ] {
        assert_eq!(Fault::parse(words).as_ref(), Ok(&fault), "{words}");
    }
}

#[test]
fn a_word_that_is_not_understood_is_pointed_at() {
    for (words, at) in [
        ("", 0),
        ("fetch pods 409", 0),
        ("get wings 409", 4),
        ("get pods", 8),
        ("get pods 200", 9),
        ("get pods 409 twice", 13),
        ("get pods delay soon", 15),
        ("get pods 409 after x", 19),
        ("get pods stale", 9),
        ("get pods refuse", 9),
        ("portforward services stall", 12),
    ] {
        assert_eq!(Fault::parse(words).unwrap_err().at, at, "{words}");
    }
    let shown = Fault::parse("get wings 409").unwrap_err().to_string();
    assert!(shown.ends_with("\n  get wings 409\n      ^^^^^"), "{shown}");
}

#[tokio::test]
async fn a_fault_strikes_the_calls_it_is_meant_for_and_no_others() {
    let faults = Faults::default();
    let ordered = faults.order(Fault::parse("patch services/api in shop 409 after 1 x2").unwrap());
    let mut met = Vec::new();
    for _ in 0..4 {
        met.push(faults.meet(&call("patch", "services")).await.is_some());
        assert_eq!(faults.meet(&call("get", "services")).await, None);
    }
    assert_eq!(met, [false, true, true, false]);
    assert_eq!(ordered.struck(), 2);
}

#[tokio::test]
async fn components_are_spared_unless_named() {
    let faults = Faults::default();
    let component = Call {
        user: "system:node".to_owned(),
        is_component: true,
        ..call("patch", "services")
    };
    faults.order(Fault::new("*", "*", CONFLICT));
    assert_eq!(faults.meet(&component).await, None);
    assert_eq!(faults.calls(), []);
    faults.order(Fault::new("*", "*", CONFLICT).by_user("system:node"));
    assert_eq!(faults.meet(&component).await, Some(CONFLICT));
}

#[tokio::test]
async fn what_hangs_goes_on_when_released() {
    let faults = Faults::default();
    let ordered = faults.order(Fault::new("get", "pods", Effect::Hang));
    let hanging = tokio::spawn({
        let faults = faults.clone();
        async move { faults.meet(&call("get", "pods")).await }
    });
    while ordered.struck() == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!hanging.is_finished());
    ordered.release();
    assert_eq!(hanging.await.unwrap(), None);
    assert_eq!(faults.meet(&call("get", "pods")).await, None);
}

#[test]
fn a_stream_is_struck_while_it_is_open() {
    let faults = Faults::default();
    faults.order(Fault::parse("watch pods gone x1").unwrap());
    assert_eq!(faults.watch(&call("watch", "pods")), Some(WatchFault::Gone));
    assert_eq!(faults.watch(&call("watch", "pods")), None);
}
