import type { PullPolicy } from "./module_request.ts";

/** How istiod wants a module pulled; it says so among the environment variables of the VM. */
export interface PullSettings {
  /** `null` where it says nothing. */
  readonly policy: PullPolicy | null;
  /** A Docker configuration, empty where there should be one and is none; `null` where none is needed. Secret. */
  readonly secret: string | null;
  /** Version of the object; `null` where it says nothing. */
  readonly version: string | null;
}

const SECRET = "ISTIO_META_WASM_IMAGE_PULL_SECRET";
const POLICY = "ISTIO_META_WASM_IMAGE_PULL_POLICY";
const VERSION = "ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION";

/** Reads them. An unknown policy is none, as for Istio's agent. */
export function pullSettings(variables: Readonly<Record<string, string>>): PullSettings {
  const policy = variables[POLICY];
  return {
    policy: policy === "IfNotPresent" || policy === "Always" ? policy : null,
    secret: variables[SECRET] ?? null,
    version: variables[VERSION] ?? null,
  };
}

/** The variables without those that are meant for us: modules must not see them. */
export function withoutPullSettings(variables: Readonly<Record<string, string>>): Map<string, string> {
  const kept = new Map(Object.entries(variables));
  for (const name of [SECRET, POLICY, VERSION]) kept.delete(name);
  return kept;
}
