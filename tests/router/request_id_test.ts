import assert from "node:assert/strict";
import { HeaderList } from "../../lib/http/header_list.ts";
import { ensureRequestId } from "../../lib/router/request_id.ts";

Deno.test("An id is made where there is none, and the caller's is kept", () => {
  const headers = new HeaderList();
  const id = ensureRequestId(headers);
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(headers.get("x-request-id"), id);
  assert.equal(ensureRequestId(headers, () => "other"), id);
});
