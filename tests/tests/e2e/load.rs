//! Nobody else is hurt: constant POSTs through every switch, every answer checked, beside the same load without one.

use intercept_tests::load::{Connections, Load, LoadReport, RunningLoad};
use intercept_tests::{Address, Ask, await_true};

use super::world::{LAPTOP, ORIGINAL, SETTLES, World, e2e, interrupt};

/// Requests of each kind in each run; 50,000 is what a release is judged by.
const REQUESTS: u64 = 4_000;

fn requests() -> u64 {
    std::env::var("INTERCEPT_TEST_LOAD").map_or(REQUESTS, |text| text.parse().expect("a number of requests"))
}

/// Everybody's requests on fresh and on kept-alive connections, and the developer's own on fresh ones.
struct Callers {
    fresh: RunningLoad,
    kept: RunningLoad,
    marked: RunningLoad,
}

/// A load by others: the original must answer every request.
fn of_others(address: &Address, connections: Connections) -> Load {
    Load::new(address, connections)
        .callers(4)
        .answered_by(&[ORIGINAL])
}

/// The developer's own. Before the switch, after leaving, and while a pod is replaced the original answers these.
fn of_developer(address: &Address, connections: Connections) -> Load {
    let load = Load::new(address, connections).callers(2).header("X-Dev", "ada");
    load.answered_by(&[ORIGINAL, LAPTOP])
}

impl Callers {
    fn start(address: &Address) -> Self {
        Self {
            fresh: of_others(address, Connections::Fresh).start(),
            kept: of_others(address, Connections::KeptAlive).start(),
            marked: of_developer(address, Connections::Fresh).start(),
        }
    }

    async fn go_on(&self, share: u64) {
        let more = requests() / share;
        tokio::join!(self.fresh.await_requests(more), self.kept.await_requests(more));
    }

    #[expect(clippy::print_stdout, reason = "the figures are what the run is for")]
    async fn stop(self) -> [LoadReport; 3] {
        let (fresh, kept, marked) = tokio::join!(self.fresh.stop(), self.kept.stop(), self.marked.stop());
        println!("fresh: {fresh}\nkept alive: {kept}\nmarked: {marked}");
        [fresh, kept, marked]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_through_engage_join_leave_and_a_deleted_proxy_pod() {
    e2e(async |world: &World| {
        let address = world.namespace.address("api", 80).await;
        let without = Callers::start(&address);
        without.go_on(1).await;
        for report in without.stop().await {
            assert_eq!(
                report.lost, 0,
                "without any switch, so the rig is at fault: {report}"
            );
        }

        let callers = Callers::start(&address);
        callers.go_on(5).await;
        let (ada, bob) = (world.developer("ada"), world.developer("bob"));
        let to = world.to().await;
        let of_ada = ada
            .start(&["api:web", "--to", &to, "--header", "X-Dev=ada"])
            .await;
        world.arrives(Ask::get("/").header("X-Dev", "ada")).await;
        // The connections kept alive until now stay with the original pods; these pass the proxy from the start.
        let proxied = of_others(&address, Connections::KeptAlive).start();
        let marked = of_developer(&address, Connections::KeptAlive).start();
        callers.go_on(5).await;
        let of_bob = bob
            .start(&["api:web", "--to", &to, "--header", "X-Dev=bob"])
            .await;
        callers.go_on(5).await;
        interrupt(of_bob).await;
        let before = world.proxy_pods().await;
        world.delete_proxy_pods().await;
        await_true(SETTLES, "the proxy pod to be replaced", async || {
            let now = world.proxy_pods().await;
            !now.is_empty() && now.is_disjoint(&before)
        })
        .await;
        callers.go_on(5).await;
        interrupt(of_ada).await;
        callers.go_on(5).await;
        world.before.assert_untouched().await;
        let [fresh, kept, of_ada] = callers.stop().await;
        assert!(
            of_ada.by.contains_key(LAPTOP),
            "the laptop answered nothing: {of_ada}"
        );
        for report in [fresh, kept, of_ada, proxied.stop().await, marked.stop().await] {
            assert_eq!(report.lost, 0, "{report}");
        }
    })
    .await;
}
