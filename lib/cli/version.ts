import settings from "../../deno.json" with { type: "json" };
import { ISTIO_VERSION } from "../bootstrap/node.ts";

/** Versions that matter when a fault is reported. */
export interface Versions {
  readonly enmesh: string;
  /** The Istio whose sidecar enmesh behaves like. */
  readonly istio: string;
  readonly deno: string;
  readonly v8: string;
}

/** The versions of what is running. */
export function versions(): Versions {
  return { enmesh: settings.version, istio: ISTIO_VERSION, deno: Deno.version.deno, v8: Deno.version.v8 };
}
