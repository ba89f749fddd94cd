import type { WasmRule } from "../rule.ts";
import { BUFFER_RULES } from "./buffers.ts";
import { CALLBACK_RULES } from "./callbacks.ts";
import { HEADER_RULES } from "./headers.ts";

/** Every rule of the suite. */
export const RULES: readonly WasmRule[] = [...CALLBACK_RULES, ...HEADER_RULES, ...BUFFER_RULES];
