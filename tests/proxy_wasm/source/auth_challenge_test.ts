import assert from "node:assert/strict";
import fc from "fast-check";
import { parseAuthChallenge } from "../../../lib/proxy_wasm/source/auth_challenge.ts";

function read(value: string): [string, Record<string, string>] | null {
  const challenge = parseAuthChallenge(value);
  return challenge === null ? null : [challenge.scheme, Object.fromEntries(challenge.parameters)];
}

Deno.test("Challenges are read as registries write them", () => {
  assert.deepEqual(
    read('Bearer realm="https://auth.example.test/token",service="registry",scope="repository:a/b:pull,push"'),
    ["bearer", { realm: "https://auth.example.test/token", service: "registry", scope: "repository:a/b:pull,push" }],
  );
  assert.deepEqual(read('Basic realm="a \\"b\\""'), ["basic", { realm: 'a "b"' }]);
  assert.deepEqual(read("BEARER Realm=x , service=y"), ["bearer", { realm: "x", service: "y" }]);
  assert.deepEqual(read("Negotiate"), ["negotiate", {}]);
  assert.equal(read(""), null);
});

Deno.test("Any text gives a challenge or none, never an error", () => {
  fc.assert(fc.property(fc.string(), (text) => void parseAuthChallenge(text)));
});
