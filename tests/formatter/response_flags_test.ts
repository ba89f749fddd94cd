import assert from "node:assert/strict";
import { longResponseFlags } from "../../lib/formatter/response_flags.ts";

Deno.test("Response flags have long names, each", () => {
  assert.equal(longResponseFlags("-"), "-");
  assert.equal(longResponseFlags("UF,URX"), "UpstreamConnectionFailure,UpstreamRetryLimitExceeded");
  assert.equal(longResponseFlags("NEW"), "NEW", "a flag without one keeps its short name");
});
