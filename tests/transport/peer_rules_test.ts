import assert from "node:assert/strict";
import { compileStringMatch } from "../../lib/matcher/string_matcher.ts";
import type { StringMatch } from "../../lib/resource/common.ts";
import type { PeerIdentity } from "../../lib/transport/byte_stream.ts";
import { acceptAnyPeer, compileSanRule, matchHostname, matchTrustDomains } from "../../lib/transport/peer_rules.ts";
import { pemBlocks } from "../../lib/transport/pem.ts";
import { TestCa } from "../support/test_ca.ts";

const ca = await TestCa.create();
const withIps = pemBlocks((await ca.issue({ ips: ["10.0.0.1", "2001:db8::1"] })).chain)[0]!.der;

function peer(uriSans: string[], dnsSans: string[] = []): PeerIdentity {
  return { principal: uriSans[0] ?? "", uriSans, dnsSans, subject: "", sha256: "", certificate: withIps, chain: [] };
}

const SLEEP = "spiffe://cluster.local/ns/default/sa/sleep";

Deno.test("an empty list of matchers accepts every verified peer", () => {
  assert.equal(compileSanRule([], compileStringMatch), acceptAnyPeer);
  assert.equal(acceptAnyPeer(peer([])), null);
});

function san(type: "uri" | "dns" | "ip" | "any", kind: StringMatch["kind"], value: string) {
  return { type, match: { kind, value, ignoreCase: false } as StringMatch };
}

Deno.test("one matcher must match one name of its type", () => {
  const exact = compileSanRule(
    [san("uri", "exact", SLEEP), san("uri", "prefix", "spiffe://other/")],
    compileStringMatch,
  );
  assert.equal(exact(peer([SLEEP])), null);
  assert.equal(exact(peer(["spiffe://other/x"])), null);
  assert.match(exact(peer([SLEEP + "2"]))!, /sleep2', expected .*sleep', 'spiffe:\/\/other\/ \(prefix\)'/);
  assert.match(exact(peer([], [SLEEP]))!, /expected/);
  const ip = compileSanRule([san("ip", "exact", "10.0.0.1")], compileStringMatch);
  assert.equal(ip(peer([])), null);
  const any = compileSanRule([san("any", "suffix", ".example")], compileStringMatch);
  assert.equal(any(peer([], ["a.example"])), null);
  assert.match(any(peer([]))!, /no name/);
});

Deno.test("a trust domain is matched as a whole, and an id stands alone", () => {
  const rule = matchTrustDomains(["cluster.local", "td2"]);
  assert.equal(rule(peer([SLEEP])), null);
  assert.equal(rule(peer(["spiffe://td2/x"])), null);
  assert.match(rule(peer(["spiffe://cluster.local.evil/ns/a/sa/b"]))!, /evil/);
  assert.match(rule(peer([SLEEP, "spiffe://evil/x"]))!, /expected one id/);
  assert.match(rule(peer([]))!, /no name/);
});

for (
  const [name, host, ok] of [
    ["a.example", "a.example", true],
    ["A.Example", "a.EXAMPLE.", true],
    ["*.example.com", "a.example.com", true],
    ["*.example.com", "a.b.example.com", false],
    ["*.example.com", "example.com", false],
    ["*.com", "example.com", false],
    ["a.example", "b.example", false],
    ["*", "example", false],
    ["a*.example.com", "ab.example.com", false],
  ] as const
) {
  Deno.test(`a certificate for '${name}' is ${ok ? "" : "not "}one for '${host}'`, () => {
    assert.equal(matchHostname(host)(peer([], [name])) === null, ok);
  });
}

Deno.test("addresses are matched by address names only", () => {
  assert.equal(matchHostname("10.0.0.1")(peer([])), null);
  assert.equal(matchHostname("[2001:db8::1]")(peer([])), null);
  assert.notEqual(matchHostname("10.0.0.2")(peer([], ["10.0.0.2"])), null);
});

Deno.test("a refusal shows a few names only", () => {
  const names = Array.from({ length: 1000 }, (_, i) => `spiffe://evil/${i}${"x".repeat(500)}`);
  assert.ok(matchTrustDomains(["a"])(peer(names))!.length < 1000);
});
