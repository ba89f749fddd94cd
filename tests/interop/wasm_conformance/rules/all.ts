import type { WasmRule } from "../rule.ts";
import { BUFFER_RULES } from "./buffers.ts";
import { CALL_RULES } from "./calls.ts";
import { CALLBACK_RULES } from "./callbacks.ts";
import { CONTEXT_RULES } from "./contexts.ts";
import { FAILURE_RULES } from "./failures.ts";
import { HEADER_RULES } from "./headers.ts";
import { LOCAL_REPLY_RULES } from "./local_replies.ts";
import { PAUSE_RULES } from "./pause.ts";
import { PROPERTY_RULES } from "./properties.ts";
import { VERSION_RULES } from "./versions.ts";

/** Every rule of the suite. */
export const RULES: readonly WasmRule[] = [
  ...CALLBACK_RULES,
  ...HEADER_RULES,
  ...BUFFER_RULES,
  ...PAUSE_RULES,
  ...LOCAL_REPLY_RULES,
  ...PROPERTY_RULES,
  ...CONTEXT_RULES,
  ...CALL_RULES,
  ...FAILURE_RULES,
  ...VERSION_RULES,
];
