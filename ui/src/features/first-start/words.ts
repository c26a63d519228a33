// What the first start says.

import { counted } from "../../components/counted";

export const words = {
  name: "Intercept",
  claim: "Requests with your header reach your laptop. Everyone else’s do not.",
  promises: [
    "No request is lost when you start or stop.",
    "The cluster restores itself if this laptop disappears.",
    "No account, and nothing to install in the cluster first.",
  ],
  privacy: "Intercept sends nothing about you or your clusters anywhere.",
  requests: "requests",
  laptop: "your laptop",
  origin: "the origin",
  picture: "Requests with your header leave the line to the origin and go to your laptop.",
  found: (count: number) => (count === 0 ? "No cluster found" : `${counted(count, "cluster")} found`),
  untouched: "From your kubeconfig. None has been contacted yet.",
  empty: "Your kubeconfig names no cluster. Let your cluster’s tool add one, then look again.",
  clusters: "Clusters",
  missing: "No kubeconfig was found",
  unreadable: "The kubeconfig cannot be read",
  reading: "Reading the kubeconfig",
  current: "current",
  production: "PROD",
  sandboxTitle: "Try it without a cluster",
  sandboxHint: "A small cluster inside this program, with a sample shop and traffic. It goes when you quit.",
  sandbox: "Start the sandbox",
  starting: "Starting…",
  sandboxFailed: "The sandbox does not start",
  connectTitle: "When you connect",
  connectFacts: [
    "Intercept reads Services, endpoints and what you may do. It changes nothing.",
    "Every change comes later, as a plan that you see first.",
    "The other clusters stay untouched until you pick them.",
  ],
  connect: (name: string) => `Connect to ${name}`,
  connectNone: "Connect",
  skip: "Skip, I will choose later",
} as const;
