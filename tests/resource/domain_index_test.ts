import assert from "node:assert/strict";
import fc from "fast-check";
import { encode } from "../../lib/protobuf/registry.ts";
import { DomainIndex } from "../../lib/resource/domain_index.ts";

/** The virtual hosts as views of one memory, as they are in a route configuration. */
function index(hosts: readonly (readonly string[])[]): DomainIndex {
  const encoded = hosts.map((domains, number) =>
    encode("envoy.config.route.v3.VirtualHost", { name: `host ${number}`, domains: [...domains] })
  );
  const bytes = new Uint8Array(encoded.reduce((sum, { length }) => sum + length, 3));
  let at = 3;
  const views = encoded.map((host) => {
    bytes.set(host, at);
    return bytes.subarray(at, at += host.length);
  });
  return new DomainIndex(bytes, views);
}

Deno.test("Exact domains are found, whatever their case; the first host with a domain has it", () => {
  const found = index([["a.example", "b.example:80"], ["A.example", "C.Example"], []]);
  assert.equal(found.find("a.example"), 0);
  assert.equal(found.find("b.example:80"), 0);
  assert.equal(found.find("c.example"), 1);
  assert.equal(found.find("d.example"), -1);
  assert.equal(found.find(""), -1);
});

Deno.test("Domains with a '*' are listed in order and not found as exact ones", () => {
  const found = index([["*.Example", "a"], ["*"], ["b.*"]]);
  assert.deepEqual(found.wildcards, [
    { domain: "*.example", host: 0 },
    { domain: "*", host: 1 },
    { domain: "b.*", host: 2 },
  ]);
  assert.equal(found.find("*"), -1);
});

Deno.test("An index finds what a Map finds", () => {
  const domain = fc.stringMatching(/^[a-cA-C]{1,3}(\.[ab])?$/);
  fc.assert(fc.property(fc.array(fc.array(domain, { maxLength: 4 }), { maxLength: 30 }), domain, (hosts, other) => {
    const map = new Map<string, number>();
    hosts.forEach((domains, number) => {
      for (const domain of domains) if (!map.has(domain.toLowerCase())) map.set(domain.toLowerCase(), number);
    });
    const found = index(hosts);
    for (const domain of [...map.keys(), other.toLowerCase()]) assert.equal(found.find(domain), map.get(domain) ?? -1);
  }));
});
