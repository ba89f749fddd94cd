import type { Kind } from "./kind.ts";

/** Kinds that users keep in the same files and that change nothing a proxy receives from the fake. */
export const IGNORED_KINDS: readonly Kind<string, null>[] = [
  { kind: "Namespace", groups: [""], clusterScoped: true, pushes: [], parse: () => null },
  { kind: "ServiceAccount", groups: [""], pushes: [], parse: () => null },
  { kind: "ConfigMap", groups: [""], pushes: [], parse: () => null },
  { kind: "Deployment", groups: ["apps"], pushes: [], parse: () => null },
  { kind: "StatefulSet", groups: ["apps"], pushes: [], parse: () => null },
];
