import assert from "node:assert/strict";
import fc from "fast-check";
import { domainSource, VirtualHostTable } from "../../lib/router/virtual_host_table.ts";

function table(domains: readonly string[], ignorePort = true): VirtualHostTable<string> {
  return new VirtualHostTable(domainSource(domains.map((domain) => ({ domains: [domain], host: domain }))), ignorePort);
}

Deno.test("Exact before longest suffix before longest prefix before any", () => {
  const hosts = table(["*", "a.*", "a.b.*", "*.com", "*.example.com", "www.example.com"]);
  assert.equal(hosts.find("www.example.com"), "www.example.com");
  assert.equal(hosts.find("other.example.com"), "*.example.com");
  assert.equal(hosts.find("a.b.com"), "*.com");
  assert.equal(hosts.find("a.b.org"), "a.b.*");
  assert.equal(hosts.find("a.org"), "a.*");
  assert.equal(hosts.find("x"), "*");
});

Deno.test("A wildcard stands for at least one character", () => {
  const hosts = table(["*.example.com", "a.*", "*-bar.foo"]);
  assert.equal(hosts.find(".example.com"), null);
  assert.equal(hosts.find("example.com"), null);
  assert.equal(hosts.find("a."), null);
  assert.equal(hosts.find("-bar.foo"), null);
  assert.equal(hosts.find("x-bar.foo"), "*-bar.foo");
});

Deno.test("Case does not matter; the port does only where it is not ignored", () => {
  assert.equal(table(["reviews"]).find("REVIEWS:9080"), "reviews");
  assert.equal(table(["reviews"], false).find("reviews:9080"), null);
  assert.equal(table(["reviews:9080"], false).find("Reviews:9080"), "reviews:9080");
  assert.equal(table(["[2001:db8::1]"]).find("[2001:DB8::1]:80"), "[2001:db8::1]");
  assert.equal(table(["[2001:db8::1]"]).find("[2001:db8::1]"), "[2001:db8::1]");
});

Deno.test("The table equals a linear search by Envoy's rules", () => {
  const label = fc.constantFrom("a", "b", "ab", "com", "x-a");
  const name = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join("."));
  const domain = fc.oneof(name, name.map((n) => `*.${n}`), name.map((n) => `${n}.*`), fc.constant("*"));
  fc.assert(fc.property(fc.uniqueArray(domain, { maxLength: 8 }), name, (domains, host) => {
    const of = (kind: (d: string) => boolean) => domains.filter(kind).sort((a, b) => b.length - a.length)[0];
    const expected = of((d) => d === host) ??
      of((d) => d.startsWith("*.") && host.endsWith(d.slice(1)) && host.length > d.length - 1) ??
      of((d) => d.endsWith(".*") && host.startsWith(d.slice(0, -1)) && host.length > d.length - 1) ??
      of((d) => d === "*") ?? null;
    assert.equal(table(domains).find(host), expected);
  }));
});
