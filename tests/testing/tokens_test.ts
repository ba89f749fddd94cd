import assert from "node:assert/strict";
import { TokenIssuer } from "../../lib/testing/tokens.ts";

const SLEEP = { namespace: "default", serviceAccount: "sleep" };

Deno.test("a minted token proves its service account", async () => {
  const tokens = await TokenIssuer.create();
  assert.deepEqual(await tokens.verify(await tokens.mint(SLEEP)), SLEEP);
});

Deno.test("bad tokens are refused, each with its reason", async () => {
  const tokens = await TokenIssuer.create();
  const other = await TokenIssuer.create();
  const good = await tokens.mint(SLEEP);
  const [head, , signature] = good.split(".");
  const forged = btoa(JSON.stringify({ sub: "system:serviceaccount:istio-system:istiod" })).replace(/=+$/, "");
  const cases: [string, string, RegExp][] = [
    ["expired", await tokens.mint({ ...SLEEP, ttlMs: -1000 }), /has expired/],
    ["wrong audience", await tokens.mint({ ...SLEEP, audience: "api" }), /audience is 'api'/],
    ["wrong issuer", await tokens.mint({ ...SLEEP, issuer: "https://other" }), /issuer is 'https:\/\/other'/],
    ["another cluster's", await other.mint(SLEEP), /not signed by this cluster/],
    ["tampered", `${head}.${forged}.${signature}`, /not signed by this cluster/],
    ["garbage", "garbage", /not a JWT/],
    ["not base64url", "a.b.???", /not base64url/],
  ];
  for (const [name, token, reason] of cases) await assert.rejects(tokens.verify(token), reason, name);
});
