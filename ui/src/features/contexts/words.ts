// What the choices of context and namespace say.

export const words = {
  context: "Context",
  noContext: "Choose a cluster",
  production: "PROD",
  sandbox: "in this program",
  current: "current",
  reading: "Reading the kubeconfig…",
  markProduction: "Mark as production",
  unmarkProduction: "Unmark as production",
  lookAgain: "Read the kubeconfig again",
  namespace: "Namespace",
  allNamespaces: "All namespaces",
  namespaceHint: "Choose one, or type a name",
} as const;
