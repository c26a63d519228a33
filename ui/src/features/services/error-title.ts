import type { ErrorCode } from "../../bindings/wire";

/** The error in one line; the program's message and hint follow it. */
export function errorTitle(code: ErrorCode, context: string): string {
  switch (code) {
    case "kubeconfigMissing":
      return "No kubeconfig found";
    case "sandboxUnstartable":
      return "The sandbox does not start";
    case "kubeconfigUnreadable":
      return "The kubeconfig could not be read";
    case "contextUnusable":
      return `${context} cannot be used as it stands`;
    case "loginFailed":
      return `Could not log in to ${context}`;
    case "clusterUnreachable":
      return `${context} does not answer`;
    case "forbidden":
      return `You may not list the Services of ${context}`;
    case "unexpected":
      return `Could not read ${context}`;
  }
}
