import type { ModuleSource } from "./module_source.ts";
import type { PullSettings } from "./pull_settings.ts";

/** Where a configuration says that the code of a module is. */
export type ModuleLocation =
  | { readonly kind: "inline"; readonly bytes: Uint8Array }
  | { readonly kind: "file"; readonly path: string }
  /** To be fetched: `http:`, `https:` or `oci:`. */
  | {
    readonly kind: "remote";
    readonly url: string;
    /** Lower-case hexadecimal SHA-256 of the code, or of the manifest of its image; empty for none. */
    readonly sha256: string;
    /** Most milliseconds altogether; `null` for the default. Tries are Istio's, whatever the configuration says. */
    readonly timeoutMs: number | null;
    /** How it is to be pulled. */
    readonly pull: PullSettings;
    /** Name of the plugin that asks for it. */
    readonly plugin: string;
  }
  /** Given by the application. */
  | { readonly kind: "given"; readonly source: ModuleSource };
