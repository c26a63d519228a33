// Made-up clusters, one per state that a view can be in, for the browser and for tests.

import type { CommandError, Context, Port, Service } from "../bindings/wire";
import { Refusal, type Bridge } from "./bridge";

const contexts: Context[] = [
  { name: "kind-dev", cluster: "kind-dev", user: "kind-dev", namespace: "shop", isCurrent: true, isSandbox: false },
  { name: "minikube", cluster: "minikube", user: "minikube", namespace: null, isCurrent: false, isSandbox: false },
  { name: "staging-eu", cluster: "staging-eu", user: "mira", namespace: "shop", isCurrent: false, isSandbox: false },
  { name: "prod-eu", cluster: "prod-eu", user: "mira", namespace: null, isCurrent: false, isSandbox: false },
  { name: "load-test", cluster: "load-test", user: "mira", namespace: null, isCurrent: false, isSandbox: false },
  { name: "far-away", cluster: "far-away", user: "mira", namespace: null, isCurrent: false, isSandbox: false },
];

const sandbox: Context = {
  name: "sandbox", cluster: "sandbox", user: "sandbox-admin", namespace: "default", isCurrent: true, isSandbox: true,
};

const port = (name: string | null, number: number, protocol = "TCP"): Port => ({
  name,
  number,
  target: name ?? String(number),
  protocol,
});

const service = (namespace: string, name: string, ports: Port[], more: Partial<Service> = {}): Service => ({
  namespace,
  name,
  kind: "ClusterIP",
  ports,
  readyEndpoints: 2,
  interceptCount: 0,
  obstacle: null,
  ...more,
});

const shop: Service[] = [
  service("chat", "chat", [port("ws", 8080)]),
  service("chat", "presence", [port("grpc", 9000)]),
  service("pricing", "discounts", [port("http", 80)]),
  service("pricing", "prices", [port("http", 8080)], { readyEndpoints: 3, interceptCount: 2 }),
  service("pricing", "rates-feed", [port("http", 80)], { obstacle: "it has no selector: its endpoints are kept by something else" }),
  service("pricing", "tax", [port("http", 80), port("grpc", 9000)], { readyEndpoints: 0 }),
  service("shop", "cart", [port("http", 80), port("grpc", 9000)]),
  service("shop", "catalog", [port("http", 80), port("metrics", 9090)], { readyEndpoints: 3, interceptCount: 1 }),
  service("shop", "checkout", [port("http", 8080)]),
  service("shop", "currency", [port("udp", 5300, "UDP")], { obstacle: "it has no TCP port" }),
  service("shop", "images", [port("http", 80)], { kind: "NodePort", readyEndpoints: 4 }),
  service("shop", "orders-db", [port("sql", 5432)], {
    kind: "Headless",
    obstacle: "it governs a StatefulSet: its pods would lose their names",
  }),
  service("shop", "payments", [port("https", 443)], {
    kind: "ExternalName",
    readyEndpoints: 0,
    obstacle: "it is an ExternalName: only a DNS alias, no request passes it",
  }),
  service("shop", "web", [port("http", 80), port("https", 443)], { kind: "LoadBalancer" }),
];

const many: Service[] = Array.from({ length: 2_400 }, (_, index) => {
  const team = String(Math.floor(index / 40)).padStart(2, "0");
  return service(`team-${team}`, `service-${String(index).padStart(4, "0")}`, [port("http", 8080)]);
});

const refusals: Record<string, CommandError> = {
  "staging-eu": {
    code: "loginFailed",
    message: "The kubeconfig logs in to staging-eu by running kubelogin, and it was not found.",
    hint: "Install kubelogin, or add its folder to the PATH of your login shell. Then look again.",
  },
  "prod-eu": {
    code: "clusterUnreachable",
    message: "Tried https://k8s.prod.example:6443. The connection was refused.",
    hint: "Check the network or the VPN, and the server's address in the kubeconfig. Then look again.",
  },
};

function servicesOf(context: string): Promise<Service[]> {
  const refusal = refusals[context];
  if (refusal) return Promise.reject(new Refusal(refusal));
  if (context === "far-away") return new Promise(() => undefined);
  if (context === "load-test") return Promise.resolve(many);
  return Promise.resolve(context === "kind-dev" || context === sandbox.name ? shop : []);
}

/** A bridge without a program behind it. `answers` replaces single questions. */
export function fakeBridge(answers: Partial<Bridge> = {}): Bridge {
  let isTrying = false;
  const { listContexts = () => Promise.resolve(contexts), ...others } = answers;
  return {
    listContexts: () => (isTrying ? Promise.resolve([sandbox]) : listContexts()),
    listServices: servicesOf,
    trySandbox: () => {
      isTrying = true;
      return Promise.resolve();
    },
    ...others,
  };
}
