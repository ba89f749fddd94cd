import type { ModuleSource } from "./module_source.ts";

/** Where a configuration says that the code of a module is. */
export type ModuleLocation =
  | { readonly kind: "inline"; readonly bytes: Uint8Array }
  | { readonly kind: "file"; readonly path: string }
  /** To be fetched: `http:`, `https:` or `oci:`. */
  | {
    readonly kind: "remote";
    readonly url: string;
    /** Lower-case hexadecimal SHA-256 of the code; empty for none. */
    readonly sha256: string;
    /** Most milliseconds of one attempt; `null` for the default. */
    readonly timeoutMs: number | null;
    /** Attempts after the first; `null` for the default. */
    readonly retries: number | null;
    /** Pause before the first of them, and the most a pause may grow to, in milliseconds; `null` for the default. */
    readonly retryBaseMs: number | null;
    readonly retryMaxMs: number | null;
  }
  /** Given by the application. */
  | { readonly kind: "given"; readonly source: ModuleSource };
