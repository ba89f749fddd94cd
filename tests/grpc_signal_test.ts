import assert from "node:assert/strict";
import { grpcPeer, grpcSignal } from "../mod.ts";

Deno.test("an object that is no call has no peer and no signal", () => {
  assert.equal(grpcPeer({}), null);
  assert.throws(() => grpcSignal({}), /is no call of mesh.serveGrpc/);
});
