import type { AcceptedDifference } from "../differential/differences.ts";

/** Every difference between Envoy's Wasm filter and ours that is meant, with its reason. */
export const ACCEPTED_WASM_DIFFERENCES: readonly AcceptedDifference[] = [];
