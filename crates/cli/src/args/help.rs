//! The longer texts of `--help`.

use crate::exit;

pub(super) const ABOUT: &str = "\
Answer requests to a Kubernetes Service on this machine.

Requests that carry your header go to a program on this machine; everybody else's still reach the original
pods. When it ends, also when this machine dies, the cluster is what it was.";

pub(super) const SHORT: &str = "\
Examples:
  interceptctl start api --to 3000     requests with `X-C6O-INTERCEPT: yes` go to localhost:3000
  interceptctl list                    everybody's intercepts
  interceptctl requests status:5xx     recorded requests that failed
  interceptctl session close api       restore a Service, from any machine

`interceptctl --help` tells about intercept.toml, the environment and exit codes.";

const FILE: &str = r#"intercept.toml (a team's defaults, in the repository or the home folder; every key is optional):
  context = "staging"
  namespace = "shop"
  owner = "ann"                          # of use in the home folder's file
  ttl = "2h"
  [match]                                # one of header, baggage, all
  header = "X-C6O-INTERCEPT=yes"
  baggage = "dev=ann"
  all = false
  path = "/cart"
  methods = ["GET", "POST"]
  [proxy]
  image = "registry.example.com/nginx:1.31.4"
  pull_secrets = ["registry"]
  grace = "60s"
  forwarded_headers = false
  [agent]
  image = "registry.example.com/intercept-agent:0.1.0"
  [services.api]                         # defaults of one Service
  to = 3000
  port = "http"
  protocol = "http"
  insecure_local_certificate = false
  match = { header = "X-Api=ann" }

It is looked for in the working folder and those above, up to the repository's root (the folder with `.git`)
or the home folder; outside of both only in the working folder. A key nobody knows is an error."#;

const PRECEDENCE: &str = "\
What goes first: flag, then environment, then [services.NAME] of intercept.toml, then the rest of it, then the
default. Header, path and methods are looked up one by one. `--path /` is every path.";

const ENVIRONMENT: &str = "\
Environment:
  KUBECONFIG               kubeconfig files, separated as in PATH
  INTERCEPT_CONTEXT        --context          INTERCEPT_NAMESPACE      --namespace
  INTERCEPT_CONFIG         --config           INTERCEPT_OUTPUT         --output
  INTERCEPT_LOG            --log              INTERCEPT_OWNER          --owner
  INTERCEPT_HEADER         --header           INTERCEPT_TTL            --ttl
  INTERCEPT_PROXY_IMAGE    --proxy-image      INTERCEPT_AGENT_IMAGE    --agent-image
  INTERCEPT_RECORD         --record           VISUAL, EDITOR           for `replay --edit`
  INTERCEPT_GRACE          --grace            NO_COLOR                 --color never";

pub(super) fn root() -> String {
    [SHORT_EXAMPLES, FILE, PRECEDENCE, ENVIRONMENT, exit::TABLE].join("\n\n")
}

/// Examples and exit codes.
pub(super) fn long(examples: &str) -> String {
    [examples, exit::TABLE].join("\n\n")
}

pub(super) fn start() -> String {
    [START, FILE, PRECEDENCE, ENVIRONMENT, exit::TABLE].join("\n\n")
}

const SHORT_EXAMPLES: &str = "\
Examples:
  interceptctl services -n shop
  interceptctl plan api -n shop --to 3000
  interceptctl start api -n shop --to 3000
  interceptctl list --all-namespaces
  interceptctl session close api -n shop";

pub(super) const CONTEXTS: &str = "\
Examples:
  interceptctl contexts
  interceptctl contexts --output json";

pub(super) const SERVICES: &str = "\
Examples:
  interceptctl services
  interceptctl services --namespace shop --output json
  interceptctl services --all-namespaces";

pub(super) const PLAN: &str = "\
Examples:
  interceptctl plan api --to 3000
  interceptctl plan api:http --to 3000 --all --output yaml

Takes what `start` takes. A plan that is refused ends with code 4.";

pub(super) const START: &str = "\
Examples:
  interceptctl start api --to 3000
  interceptctl start api:http --to localhost:3000 --header X-Dev=ann
  interceptctl start api --to 3000 --header X-Dev             any value
  interceptctl start api --to 3000 --baggage dev=ann --path /cart --method GET --method POST
  interceptctl start api --to https://localhost:8443 --insecure-local-certificate
  interceptctl start api --to 3000 --record heads --quiet
  interceptctl start api --to 3000 --all --ttl 2h

It stays in the foreground and prints one line that begins with `Ready` once requests can arrive. Ctrl-C,
SIGTERM or closing the terminal restores the Service; asking twice does not skip that. Requests are shown as they come
and recorded on this machine: see `interceptctl requests --help`.";

pub(super) const REQUESTS: &str = "\
Examples:
  interceptctl requests
  interceptctl requests status:5xx svc:api since:10m
  interceptctl requests method:POST path:/cart -header:x-bot --follow
  interceptctl requests 'body:\"sku-42\"' --output json
  interceptctl requests is:error --limit 1000 --output har > errors.har

The newest stands last. Every running session of yours on this machine records here, and it stays when they end.
Secrets are covered unless you say --reveal. `--follow --output json` writes one object a line.";

const FILTERS: &str = r#"Filters: terms side by side must all hold.
  status:>=500  status:5xx  status:400..499     method:POST      path:/cart  path:=/cart  path:^/api/  path:~"v[12]"
  header:x-user=42  reqheader:cookie            body:"sku"       host:shop.example   query:page=2
  took:>300ms  size:>10kb  since:10m            svc:api  ns:shop  context:staging    type:json  protocol:grpc
  is:error  is:pinned  is:replayed  is:inflight has:trailers     id:42  replayof:42  source:web-*
  -path:/health  not(...)  or(a, b)  a | b      text that is anywhere"#;

pub(super) fn requests() -> String {
    [REQUESTS, FILTERS, exit::TABLE].join("\n\n")
}

pub(super) const REQUEST: &str = "\
Examples:
  interceptctl request 42
  interceptctl request 42 --reveal
  interceptctl request 42 --output curl
  interceptctl request 42 --body response --save ./answer.bin
  interceptctl request pin 42 43
  interceptctl request clear

Secrets are covered unless you say --reveal; a pinned request is never removed to make room.";

pub(super) const REPLAY: &str = "\
Examples:
  interceptctl replay 42
  interceptctl replay 42 --edit
  interceptctl replay 42 --to both
  interceptctl replay 42 --target localhost:3001 --yes

Your program's address is that of the running session, or the one of intercept.toml. What was answered is recorded like
any other request. `--to both` shows what differs, your program's answer first.";

pub(super) const IMPORT: &str = "\
Examples:
  interceptctl import ./session.har
  interceptctl requests is:imported";

pub(super) const WHY: &str = "\
Examples:
  interceptctl why api
  interceptctl why api --follow

Counts all requests of the Service: which fitted the rule of your running session, and why the others did not, with the
last ones of each sort.";

pub(super) const PROBE: &str = "\
Examples:
  interceptctl probe api

The request fits the rule of your running session and goes through the Service like any other; your program never sees
it. Ends with code 5 where it does not arrive, and names the place.";

pub(super) const RECORD: &str = "\
Examples:
  interceptctl record                  what running sessions record
  interceptctl record heads api        no bodies of Service api from now on
  interceptctl record pause
  interceptctl record resume";

pub(super) const LIST: &str = "\
Examples:
  interceptctl list
  interceptctl list --all-namespaces --output json";

pub(super) const CLOSE: &str = "\
Examples:
  interceptctl session close --dry-run           what stands there, and what would be closed
  interceptctl session close                     your own, and what no living session stands behind
  interceptctl session close api                 everything on Service api, whoever it belongs to
  interceptctl session close 0123456789abcdef    one intercept, by its id from `interceptctl list`
  interceptctl session close --all -A            everything you may see

Works from any machine that may change the Service, and as often as you like. Ends with code 6 while something
is left.";

pub(super) const SANDBOX: &str = "\
Examples:
  interceptctl sandbox
  interceptctl sandbox --write-kubeconfig ./sandbox.yaml
  interceptctl --kubeconfig ./sandbox.yaml -n shop start catalog --to 3000
  interceptctl sandbox --scale 10000
  interceptctl sandbox --fault 'patch services 409 x2' --fault '* * delay 200ms'
  interceptctl sandbox --fault 'pod app=catalog dies every 10s' --fault 'clock jumps 20s after 1m'

In the shop, sam@other-laptop has intercepted recommendations: starting the same is refused,
starting with another header joins. It needs no root, no container runtime and no account, and
nothing of it is left when it ends. It is a stand-in for trying and testing, never a place to run
workloads.";

pub(super) fn sandbox() -> String {
    use intercept_sandbox::faults::{Fault, Happening};
    let calls = format!("Faults that strike calls:\n{}", Fault::GRAMMAR);
    let others = format!("Faults that strike pods and clocks:\n{}", Happening::GRAMMAR);
    [SANDBOX, &calls, &others, exit::TABLE].join("\n\n")
}

pub(super) const DEMO: &str = "\
Examples:
  interceptctl demo

Starts a sandbox, intercepts one of its Services, sends requests with and without the header, kills the program
that holds the intercept, intercepts again, leaves, and proves that nothing is left.";

pub(super) const COMPLETIONS: &str = "\
Examples:
  interceptctl completions bash > ~/.local/share/bash-completion/completions/interceptctl
  interceptctl completions zsh > \"${fpath[1]}/_interceptctl\"
  interceptctl completions fish > ~/.config/fish/completions/interceptctl.fish";
