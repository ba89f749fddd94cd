import assert from "node:assert/strict";
import { isIP } from "node:net";
import fc from "fast-check";
import { matchesCidr, parseIp } from "../../lib/matcher/cidr_matcher.ts";

function bytes(text: string): number[] | null {
  const parsed = parseIp(text);
  return parsed === null ? null : [...parsed];
}

Deno.test("reads addresses", () => {
  assert.deepEqual(bytes("10.0.0.1"), [10, 0, 0, 1]);
  assert.deepEqual(bytes("::"), new Array(16).fill(0));
  assert.deepEqual(bytes("::1"), [...new Array(15).fill(0), 1]);
  assert.deepEqual(bytes("2001:db8::a:b"), [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xa, 0, 0xb]);
  assert.deepEqual(bytes("::ffff:10.1.2.3"), [10, 1, 2, 3], "a mapped address is the IPv4 address");
  assert.deepEqual(bytes("fe80::1%eth0"), [0xfe, 0x80, ...new Array(13).fill(0), 1]);
  assert.deepEqual(bytes("64:ff9b::1.2.3.4"), [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
});

Deno.test("refuses what is no address", () => {
  const bad = [
    "",
    "1.2.3",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.4.5",
    "a.b.c.d",
    ":",
    ":::",
    "1::2::3",
    "12345::",
    "::1.2.3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "[::1]",
    "::1%",
    "::g",
    "localhost",
    "1.2.3.4::",
    " 1.2.3.4",
    "0:".repeat(100),
  ];
  for (const text of bad) assert.equal(parseIp(text), null, text);
});

Deno.test("agrees with the runtime about what is an address", () => {
  const part = fc.constantFrom("0", "1", "ffff", "00001", ":", "::", ".", "255", "256", "1.2.3.4", "a", "g");
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.array(part, { maxLength: 12 }).map((p) => p.join(""))), (text) => {
      assert.equal(parseIp(text) !== null, isIP(text) !== 0, text);
    }),
    { numRuns: 3000 },
  );
});

Deno.test("decides whether an address lies in a range", () => {
  const table: [string, number, string, boolean][] = [
    ["10.0.0.0", 8, "10.255.0.1", true],
    ["10.0.0.0", 8, "11.0.0.1", false],
    ["10.0.0.0", 9, "10.128.0.1", false],
    ["10.0.0.7", 32, "10.0.0.7", true],
    ["10.0.0.7", 32, "10.0.0.6", false],
    ["0.0.0.0", 0, "203.0.113.9", true],
    ["0.0.0.0", 0, "2001:db8::1", false],
    ["::", 0, "2001:db8::1", true],
    ["::", 0, "10.0.0.1", false],
    ["2001:db8::", 33, "2001:db8:7fff::1", true],
    ["2001:db8::", 33, "2001:db8:8000::1", false],
    ["10.0.0.0", 8, "::ffff:10.1.1.1", true],
  ];
  for (const [address, prefixLength, ip, inside] of table) {
    assert.equal(matchesCidr({ address: parseIp(address)!, prefixLength }, parseIp(ip)!), inside, `${address} ${ip}`);
  }
});

Deno.test("an IPv4 range may be given mapped to IPv6", () => {
  const address = new Uint8Array(16);
  address.set([0xff, 0xff, 10, 0, 0, 0], 10);
  assert.equal(matchesCidr({ address, prefixLength: 104 }, parseIp("10.9.9.9")!), true);
  assert.equal(matchesCidr({ address, prefixLength: 104 }, parseIp("11.9.9.9")!), false);
  assert.equal(matchesCidr({ address, prefixLength: 64 }, parseIp("11.9.9.9")!), false, "wider than IPv4 itself");
});
