import type { ErrorCode } from "../../bindings/wire";

/** Why there are no contexts, in one line. */
export function refusalTitle(code: ErrorCode): string {
  if (code === "kubeconfigMissing") return "No kubeconfig yet";
  return code === "sandboxUnstartable" ? "The sandbox does not start" : "The kubeconfig could not be read";
}
