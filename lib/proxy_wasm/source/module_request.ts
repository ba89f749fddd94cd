/** When a module that is known already is fetched again (`imagePullPolicy` of a WasmPlugin). */
export type PullPolicy = "IfNotPresent" | "Always";

/** A module to be fetched. */
export interface ModuleRequest {
  /** `http:`, `https:` or `oci://REGISTRY/REPOSITORY[:TAG][@DIGEST]`. */
  readonly url: string;
  /**
   * Lower-case hexadecimal SHA-256 it must have: of the module, or, as Istio means it, of the manifest of the image; empty
   * for any.
   */
  readonly sha256: string;
  /** Milliseconds for all of it, retries included. */
  readonly timeoutMs: number;
  /** `null` for Istio's default: images by another tag than `latest` are kept, all else is fetched again. */
  readonly pullPolicy: PullPolicy | null;
  /** A Docker configuration (`.dockerconfigjson`) with what registries ask for; `null` for none. Secret. */
  readonly pullSecret: string | null;
  /** Which object asks for it, and which version of that: the same version is not fetched twice. */
  readonly resource: { readonly name: string; readonly version: string } | null;
}
