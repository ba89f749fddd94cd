import type { MeshSettings } from "../../lib/testing/mesh_view.ts";

/** Settings of a mesh as `FakeIstiod` and the istiod of the interop tests have them. */
export const DEFAULT_SETTINGS: MeshSettings = {
  trustDomain: "cluster.local",
  domain: "cluster.local",
  rootNamespace: "istio-system",
  outboundTrafficPolicy: "ALLOW_ANY",
  clusterId: "Kubernetes",
};
