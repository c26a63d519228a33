//! The main job on a real Kubernetes, through the command line as a user would.
//!
//! Every test ends with the same proof: the Service is what it was, and no object of ours is left.

#[path = "e2e/bench.rs"]
mod bench;
#[path = "e2e/load.rs"]
mod load;
#[path = "e2e/world.rs"]
mod world;

use std::time::{Duration, Instant};

use intercept_tests::user::mk_user;
use intercept_tests::{Ask, Signal, await_true, send};
use world::{FOLLOWS, LAPTOP, ORIGINAL, SETTLES, World, e2e, interrupt};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_default_header_goes_to_the_laptop_and_everything_else_to_the_original() {
    e2e(async |world: &World| {
        let ada = world.developer("ada");
        let session = ada.start(&["api:web", "--to", &world.to().await]).await;
        world
            .arrives(Ask::get("/").header("X-C6O-INTERCEPT", "yes"))
            .await;
        assert_eq!(
            world
                .who(Ask::post("/", "body").header("x-c6o-intercept", "yes"))
                .await,
            LAPTOP
        );
        assert_eq!(
            world.who(Ask::get("/").header("X-C6O-INTERCEPT", "no")).await,
            ORIGINAL
        );
        assert_eq!(
            world.who(Ask::get("/").header("X-C6O-INTERCEPT", "YES")).await,
            ORIGINAL
        );
        assert_eq!(world.who(Ask::post("/", "body")).await, ORIGINAL);
        interrupt(session).await;
        assert_eq!(
            world.who(Ask::get("/").header("X-C6O-INTERCEPT", "yes")).await,
            ORIGINAL
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_with_any_value_matches_every_value_and_not_its_absence() {
    e2e(async |world: &World| {
        let ada = world.developer("ada");
        let session = ada
            .start(&["api:web", "--to", &world.to().await, "--header", "X-Dev"])
            .await;
        world.arrives(Ask::get("/").header("X-Dev", "ada")).await;
        assert_eq!(world.who(Ask::get("/").header("X-Dev", "0")).await, LAPTOP);
        assert_eq!(world.who(Ask::get("/")).await, ORIGINAL);
        interrupt(session).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_baggage_member_matches_beside_others() {
    e2e(async |world: &World| {
        let ada = world.developer("ada");
        let session = ada
            .start(&["api:web", "--to", &world.to().await, "--baggage", "dev=ada l"])
            .await;
        world
            .arrives(Ask::get("/").header("baggage", "a=b, dev=ada%20l;ttl=1,c=d"))
            .await;
        assert_eq!(
            world
                .who(Ask::get("/").header("baggage", "dev=ada%20lovelace"))
                .await,
            ORIGINAL
        );
        assert_eq!(
            world.who(Ask::get("/").header("baggage", "xdev=ada%20l")).await,
            ORIGINAL
        );
        interrupt(session).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn path_and_method_narrow_a_match() {
    e2e(async |world: &World| {
        let port = world.to().await;
        let ada = world.developer("ada");
        let session = ada
            .start(&[
                "api:web",
                "--to",
                &port,
                "--header",
                "X-Dev=ada",
                "--path",
                "/cart",
                "--method",
                "GET",
            ])
            .await;
        let marked = |ask: Ask| ask.header("X-Dev", "ada");
        world.arrives(marked(Ask::get("/cart"))).await;
        assert_eq!(world.who(marked(Ask::get("/cart/1?x=y"))).await, LAPTOP);
        assert_eq!(world.who(marked(Ask::get("/cartoon"))).await, ORIGINAL);
        assert_eq!(world.who(marked(Ask::post("/cart", "body"))).await, ORIGINAL);
        assert_eq!(world.who(Ask::get("/cart")).await, ORIGINAL);
        interrupt(session).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_traffic_goes_to_the_laptop() {
    e2e(async |world: &World| {
        let ada = world.developer("ada");
        let session = ada.start(&["api:web", "--to", &world.to().await, "--all"]).await;
        world.arrives(Ask::get("/")).await;
        assert_eq!(world.who(Ask::post("/any", "body")).await, LAPTOP);
        interrupt(session).await;
        assert_eq!(world.who(Ask::get("/")).await, ORIGINAL);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_developers_share_a_service_and_the_last_one_out_restores_it() {
    e2e(async |world: &World| {
        let port = world.to().await;
        let (ada, bob) = (world.developer("ada"), world.developer("bob"));
        let of_ada = ada
            .start(&["api:web", "--to", &port, "--header", "X-Dev=ada"])
            .await;
        let pods = world.proxy_pods().await;
        let of_bob = bob
            .start(&["api:web", "--to", &port, "--header", "X-Dev=bob"])
            .await;
        world.arrives(Ask::get("/").header("X-Dev", "bob")).await;

        let refused = world
            .developer("eve")
            .run(&["start", "api:web", "--to", &port, "--header", "x-dev=bob"])
            .await;
        assert_eq!(refused.code, Some(4), "{refused}");
        assert!(refused.text().contains("bob"), "the owner is named: {refused}");
        let again = bob
            .run(&["start", "api:web", "--to", &port, "--header", "X-Dev=bob"])
            .await;
        assert_eq!(
            again.code,
            Some(0),
            "the same intercept again is a success: {again}"
        );

        interrupt(of_ada).await;
        assert_eq!(world.who(Ask::get("/").header("X-Dev", "ada")).await, ORIGINAL);
        assert_eq!(world.who(Ask::get("/").header("X-Dev", "bob")).await, LAPTOP);
        let of_ada = ada
            .start(&["api:web", "--to", &port, "--header", "X-Dev=ada"])
            .await;
        world.arrives(Ask::get("/").header("X-Dev", "ada")).await;
        assert_eq!(
            world.proxy_pods().await,
            pods,
            "joining and leaving restart no pod"
        );
        interrupt(of_bob).await;
        interrupt(of_ada).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_ports_and_named_ports_keep_working() {
    e2e(async |world: &World| {
        let ada = world.developer("ada");
        let session = ada.start(&["api:web", "--to", &world.to().await]).await;
        let marked = || Ask::get("/").header("X-C6O-INTERCEPT", "yes");
        world.arrives(marked()).await;
        assert_eq!(world.who_on(81, marked()).await, ORIGINAL);
        assert!(world.echo(9000, "hello").await.contains("hello"));
        interrupt(session).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_not_there_is_refused_naming_the_ones_that_are() {
    e2e(async |world: &World| {
        let refused = world
            .developer("ada")
            .run(&["start", "api:443", "--to", "3000"])
            .await;
        assert_eq!(refused.code, Some(4), "{refused}");
        assert!(refused.text().contains("80 (web)"), "{refused}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_original_answers_while_the_local_program_is_down_also_posts() {
    e2e(async |world: &World| {
        let ada = world.developer("ada");
        let session = ada.start(&["api:web", "--to", &world.to().await]).await;
        let post = || Ask::post("/", "body").header("X-C6O-INTERCEPT", "yes");
        world.arrives(post()).await;
        world.laptop.lock().await.stop().await;
        for _ in 0..20 {
            assert_eq!(world.who(post()).await, ORIGINAL);
        }
        world.laptop.lock().await.restart().await;
        assert_eq!(world.who(post()).await, LAPTOP);
        interrupt(session).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_laptop_is_replaced_by_the_original_and_the_cluster_restores_itself() {
    e2e(async |world: &World| {
        let ada = world.developer("ada");
        let session = ada
            .start(&["api:web", "--to", &world.to().await, "--grace", "5s"])
            .await;
        let post = || Ask::post("/", "body").header("X-C6O-INTERCEPT", "yes");
        world.arrives(post()).await;
        session.kill().await;
        let at_once = Duration::from_secs(2);
        await_true(at_once, "the original to answer", async || {
            world.who(post()).await == ORIGINAL
        })
        .await;
        for _ in 0..20 {
            assert_eq!(world.who(post()).await, ORIGINAL);
        }
        // The world waits for the Service and for the last object to go; nobody else does anything now.
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_died_is_taken_over_by_its_owner() {
    e2e(async |world: &World| {
        let port = world.to().await;
        let ada = world.developer("ada");
        let killed = ada.start(&["api:web", "--to", &port]).await;
        killed.kill().await;
        let session = ada.start(&["api:web", "--to", &port]).await;
        world
            .arrives(Ask::get("/").header("X-C6O-INTERCEPT", "yes"))
            .await;
        interrupt(session).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_intercept_ends_with_its_lifetime() {
    e2e(async |world: &World| {
        let ada = world.developer("ada");
        let session = ada
            .start(&["api:web", "--to", &world.to().await, "--ttl", "3s"])
            .await;
        let ended = session.ended(SETTLES).await;
        assert_eq!(ended.code, Some(0), "{ended}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_to_end_a_terminal_program_restores() {
    e2e(async |world: &World| {
        for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
            let ada = world.developer("ada");
            let session = ada.start(&["api:web", "--to", &world.to().await]).await;
            session.signal(signal);
            session.signal(signal);
            let ended = session.ended(SETTLES).await;
            assert!(world.before.is_untouched().await, "after {signal:?}: {ended}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engage_that_is_interrupted_leaves_nothing() {
    e2e(async |world: &World| {
        let ada = world.developer("ada");
        let session = ada.spawn(&["start", "api:web", "--to", &world.to().await]);
        await_true(SETTLES, "the proxy's Deployment", async || {
            world.has_proxy().await
        })
        .await;
        session.signal(Signal::INT);
        let ended = session.ended(SETTLES).await;
        assert_eq!(ended.code, Some(130), "{ended}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_one_who_gives_up_leaves_the_proxy_to_whoever_joined() {
    e2e(async |world: &World| {
        let to = world.to().await;
        let (ada, bob) = (world.developer("ada"), world.developer("bob"));
        let of_ada = ada.spawn(&["start", "api:web", "--to", &to, "--header", "X-Dev=ada"]);
        await_true(SETTLES, "ada's record", async || {
            world.record().await.contains("ada")
        })
        .await;
        let mut of_bob = bob.spawn(&["start", "api:web", "--to", &to, "--header", "X-Dev=bob"]);
        await_true(SETTLES, "bob in ada's record", async || {
            world.record().await.contains("bob")
        })
        .await;
        of_ada.signal(Signal::INT);
        of_ada.ended(SETTLES).await;
        of_bob.await_line(SETTLES, "Ready in").await;
        world.arrives(Ask::get("/").header("X-Dev", "bob")).await;
        interrupt(of_bob).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn session_close_from_another_machine_restores_and_proves_it() {
    e2e(async |world: &World| {
        let ada = world.developer("ada");
        let session = ada.start(&["api:web", "--to", &world.to().await]).await;
        let dry = world
            .developer("bob")
            .run(&["session", "close", "api", "--dry-run"])
            .await;
        assert_eq!(dry.code, Some(0), "{dry}");
        assert!(
            dry.text().contains("ada") && !world.before.is_untouched().await,
            "a dry run changes nothing: {dry}"
        );
        let closed = world.developer("bob").run(&["session", "close", "api"]).await;
        assert_eq!(closed.code, Some(0), "{closed}");
        world.before.assert_untouched().await;
        let ended = session.ended(SETTLES).await;
        assert!(
            ended.text().contains("taken out from elsewhere"),
            "the session says why: {ended}"
        );
        let nothing = world.developer("bob").run(&["session", "close", "--all"]).await;
        assert_eq!(nothing.code, Some(0), "nothing to close is a success: {nothing}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_names_everybodys_intercepts() {
    e2e(async |world: &World| {
        let ada = world.developer("ada");
        let session = ada
            .start(&["api:web", "--to", &world.to().await, "--header", "X-Dev=ada"])
            .await;
        let list = world.developer("bob").run(&["list"]).await;
        assert!(
            list.text().contains("ada") && list.text().contains("X-Dev"),
            "{list}"
        );
        let json = world.developer("bob").run(&["list", "--output", "json"]).await;
        serde_json::from_str::<serde_json::Value>(&json.stdout).expect("JSON output must be JSON");
        interrupt(session).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_changes_nothing() {
    e2e(async |world: &World| {
        let before = world.everything().await;
        let plan = world
            .developer("ada")
            .run(&["plan", "api:web", "--to", &world.to().await])
            .await;
        assert_eq!(plan.code, Some(0), "{plan}");
        assert!(plan.text().contains("spec.selector"), "{plan}");
        assert_eq!(world.everything().await, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_without_rights_is_told_which_ones_and_changes_nothing() {
    e2e(async |world: &World| {
        let viewer = mk_user(&world.namespace, "viewer", world::VIEW).await;
        let before = world.everything().await;
        let refused = world
            .developer_with("vi", &viewer)
            .run(&["start", "api:web", "--to", &world.to().await])
            .await;
        assert_eq!(refused.code, Some(4), "{refused}");
        assert!(refused.text().contains("patch services"), "{refused}");
        assert_eq!(world.everything().await, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_right_to_make_roles_everything_but_self_restore_works() {
    e2e(async |world: &World| {
        let rights = mk_user(&world.namespace, "developer", world::EDIT_WITHOUT_ROLES).await;
        let ada = world.developer_with("ada", &rights);
        let session = ada
            .start(&["api:web", "--to", &world.to().await, "--header", "X-Dev=ada"])
            .await;
        assert!(
            session.output().contains("cannot restore"),
            "the plan says so: {}",
            session.output()
        );
        world.arrives(Ask::get("/").header("X-Dev", "ada")).await;
        let bob = world.developer_with("bob", &rights);
        let of_bob = bob
            .start(&["api:web", "--to", &world.to().await, "--header", "X-Dev=bob"])
            .await;
        world.arrives(Ask::get("/").header("X-Dev", "bob")).await;
        interrupt(of_bob).await;
        interrupt(session).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_cannot_be_pulled_is_told_and_undone() {
    e2e(async |world: &World| {
        let begun = Instant::now();
        let image = ["--proxy-image", "localhost:1/no-such-image:1"];
        let failed = world
            .developer("ada")
            .run(&[&["start", "api:web", "--to", "3000"][..], &image].concat())
            .await;
        assert_eq!(failed.code, Some(5), "{failed}");
        assert!(
            failed.text().contains("ErrImagePull") || failed.text().contains("ImagePullBackOff"),
            "{failed}"
        );
        assert!(
            begun.elapsed() < Duration::from_secs(15),
            "told after {:?}",
            begun.elapsed()
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_that_refuses_the_proxy_is_told_in_kubernetes_words() {
    e2e(async |world: &World| {
        world.quota("pods", "1").await;
        let failed = world
            .developer("ada")
            .run(&["start", "api:web", "--to", "3000"])
            .await;
        assert_eq!(failed.code, Some(5), "{failed}");
        assert!(failed.text().contains("exceeded quota"), "{failed}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_that_enforces_pod_security_restricted_runs_the_proxy() {
    e2e(async |world: &World| {
        world.namespace.enforce_restricted().await;
        let ada = world.developer("ada");
        let session = ada.start(&["api:web", "--to", &world.to().await]).await;
        world
            .arrives(Ask::get("/").header("X-C6O-INTERCEPT", "yes"))
            .await;
        interrupt(session).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_who_puts_the_selector_back_is_named_and_not_overwritten() {
    e2e(async |world: &World| {
        let ada = world.developer("ada");
        let mut session = ada.start(&["api:web", "--to", &world.to().await]).await;
        world.put_selector_back("gitops").await;
        session.await_line(SETTLES, "gitops").await;
        interrupt(session).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_local_https_program_with_its_own_certificate_answers() {
    e2e(async |world: &World| {
        let target = format!("https://localhost:{}", world::https_program().await);
        let ada = world.developer("ada");
        let session = ada
            .start(&["api:web", "--to", &target, "--insecure-local-certificate"])
            .await;
        let address = world.namespace.address("api", 80).await;
        let marked = Ask::get("/").header("X-C6O-INTERCEPT", "yes");
        await_true(FOLLOWS, "an answer over TLS", async || {
            send(&address, &marked)
                .await
                .is_ok_and(|answer| answer.headers.contains_key("x-spoke"))
        })
        .await;
        interrupt(session).await;
    })
    .await;
}
