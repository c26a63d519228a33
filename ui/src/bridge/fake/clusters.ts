// Contexts, namespaces and Services.

import type { CommandError, Context, InterceptSummary, PortSummary, ServiceSummary, ServicesChange } from "../../bindings/wire";
import { Refusal } from "../bridge";
import { never, type Answers, type World } from "./world";

const context = (name: string, more: Partial<Context> = {}): Context => ({
  name, cluster: name, user: "mira", namespace: null, isCurrent: false, isSandbox: false, isProduction: false, ...more,
});

const contexts: Context[] = [
  context("kind-dev", { user: "kind-dev", namespace: "shop", isCurrent: true }),
  context("minikube", { user: "minikube" }),
  context("staging-eu", { namespace: "shop" }),
  context("prod-eu"),
];

const sandbox = context("sandbox", { user: "sandbox-admin", namespace: "shop", isCurrent: true, isSandbox: true });

const port = (name: string | null, number: number, more: Partial<PortSummary> = {}): PortSummary => ({
  name, port: number, target: name ?? String(number), protocol: "TCP", appProtocol: null, ...more,
});

const others = (namespace: string, service: string, user: string, host: string, rule: string, minutes: number): InterceptSummary => ({
  id: `${user}-${service}`, namespace, service, port: 80, rule, owner: { user, host }, session: `${user}-1`,
  target: "localhost:8082", created: Math.floor(Date.now() / 1000) - minutes * 60, expires: null, state: "active",
});

const service = (namespace: string, name: string, ports: PortSummary[], more: Partial<ServiceSummary> = {}): ServiceSummary => ({
  namespace, name, kind: "ClusterIP", clusterIp: "10.96.14.8", ports, workload: { kind: "Deployment", name }, ready: 2,
  intercepts: [], obstacle: null, ...more,
});

export const shop = (): ServiceSummary[] => [
  service("chat", "chat", [port("ws", 8080)]),
  service("chat", "chat-bots", [port("http", 80)], { ready: 1 }),
  service("chat", "presence", [port("grpc", 9000)]),
  service("pricing", "discounts", [port("http", 80)]),
  service("pricing", "prices", [port("http", 8080)], {
    ready: 3,
    intercepts: [
      others("pricing", "prices", "ines", "studio", "requests with baggage: dev=ines", 184),
      others("pricing", "prices", "theo", "desk", "requests with X-C6O-INTERCEPT: theo", 12),
    ],
  }),
  service("pricing", "rates-feed", [port("http", 80)], { workload: null, obstacle: "it has no selector: its endpoints are kept by something else" }),
  service("pricing", "tax", [port("http", 80), port("grpc", 9000)], { ready: 0 }),
  service("shop", "cart", [port("http", 80), port("grpc", 9000)]),
  service("shop", "catalog", [port("http", 80), port("metrics", 9090)], { ready: 3 }),
  service("shop", "checkout", [port("http", 8080)], {
    intercepts: [others("shop", "checkout", "theo", "desk", "requests with X-C6O-INTERCEPT: theo", 34)],
  }),
  service("shop", "currency", [port("udp", 5300, { protocol: "UDP" })], { ready: 1, obstacle: "it has no TCP port" }),
  service("shop", "images", [port("http", 80)], { kind: "NodePort", ready: 4 }),
  service("shop", "mail", [port("smtp", 25), port("http", 8025)], { ready: 1 }),
  service("shop", "orders-db", [port("sql", 5432)], {
    kind: "Headless", ready: 3, workload: { kind: "StatefulSet", name: "orders-db" },
    obstacle: "it governs a StatefulSet: its pods would lose their names",
  }),
  service("shop", "payments", [port("https", 443)], {
    kind: "ExternalName", ready: 0, clusterIp: null, workload: null,
    obstacle: "it is an ExternalName: only a DNS alias, no request passes it",
  }),
  service("shop", "search", [port("http", 80)], { ready: 1 }),
  service("shop", "web", [port("http", 80), port("https", 443)], { kind: "LoadBalancer" }),
];

export const many = (count = 10_000): ServiceSummary[] => Array.from({ length: count }, (_, index) => {
  const team = String(Math.floor(index / 40)).padStart(3, "0");
  return service(`team-${team}`, `service-${String(index).padStart(5, "0")}`, [port("http", 8080)]);
});

const refusal = (code: CommandError["code"], message: string, hint: string) =>
  new Refusal({ code, message, hint, field: null, spot: null });

export const loginFailed = () => refusal(
  "loginFailed",
  "The kubeconfig logs in to staging-eu by running kubelogin, and it was not found. PATH is /usr/bin:/bin.",
  "Install kubelogin, or add its folder to the PATH of your login shell. Then look again.",
);
export const unreachable = () => refusal(
  "clusterUnreachable",
  "Tried https://k8s.prod.example:6443. The connection was refused.",
  "Check the network or the VPN, and the server's address in the kubeconfig. Then look again.",
);
const noKubeconfig = () => refusal(
  "kubeconfigMissing", "No kubeconfig was found at /home/mira/.kube/config.", "Let your cluster's tool write one, then look again.",
);

type ClusterCommands = "list_contexts" | "try_sandbox" | "mark_context" | "watch_services" | "list_namespaces";

export function clusterAnswers(world: World): Pick<Answers, ClusterCommands> {
  const marked = (each: Context) => ({ ...each, isProduction: world.preferences.productionContexts.includes(each.name) });
  return {
    list_contexts: () => {
      if (world.isSandbox) return [sandbox];
      if (world.scenario === "bare") throw noKubeconfig();
      return world.scenario === "empty" ? [] : contexts.map(marked);
    },
    try_sandbox: async () => {
      await world.wait(600);
      world.isSandbox = true;
      world.emit({ kind: "contexts" });
      return null;
    },
    mark_context: ({ context: name, isProduction }) => {
      const others = world.preferences.productionContexts.filter((each) => each !== name);
      world.preferences = { ...world.preferences, productionContexts: isProduction ? [...others, name] : others };
      world.emit({ kind: "contexts" });
      return null;
    },
    list_namespaces: () => [...new Set(services(world).map((each) => each.namespace))],
    watch_services: async ({ context: name, namespace }) => {
      if (world.scenario === "loading") return never();
      await world.wait(120);
      if (world.scenario === "error" || name === "staging-eu") throw loginFailed();
      if (name === "prod-eu") throw unreachable();
      return whole(world, name, namespace);
    },
  };
}

const services = (world: World) => (world.scenario === "many" ? many() : shop());

function whole(world: World, name: string, namespace: string | null): ServicesChange {
  const all = name === "minikube" ? [] : services(world);
  return {
    context: name, namespace, connection: { state: "live" }, isWhole: true, removed: [], notes: [],
    changed: namespace === null ? all : all.filter((each) => each.namespace === namespace),
  };
}
