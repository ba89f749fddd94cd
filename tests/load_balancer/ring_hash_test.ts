import assert from "node:assert/strict";
import type { Hash64 } from "../../lib/internal/xx_hash64.ts";
import { RingHashPicker } from "../../lib/load_balancer/ring_hash.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { hashedHosts } from "./hosts.ts";

const XX = { ringMinimumSize: 12, ringMaximumSize: 8_388_608, ringHashFunction: "xx_hash" } as const;

function hash64(value: bigint): Hash64 {
  return { hi: Number(value >> 32n), lo: Number(value & 0xffffffffn) };
}

/** Ports and ring positions of six hosts, as Envoy's own test of its ring lists them. */
const ENVOY_RING: readonly [number, bigint][] = [
  [94, 833437586790550860n],
  [92, 928266305478181108n],
  [90, 1033482794131418490n],
  [95, 3551244743356806947n],
  [93, 3851675632748031481n],
  [91, 5583722120771150861n],
  [91, 6311230543546372928n],
  [93, 7700377290971790572n],
  [95, 13144177310400110813n],
  [92, 13444792449719432967n],
  [94, 15516499411664133160n],
  [90, 16117243373044804889n],
];

Deno.test("A key lands where Envoy's ring sends it", () => {
  const ring = new RingHashPicker(hashedHosts([90, 91, 92, 93, 94, 95]), XX, seededRandom(1));
  for (const [i, [port, position]] of ENVOY_RING.entries()) {
    assert.equal(ring.pick(hash64(position), 0)!.key, `127.0.0.1:${port}`);
    const next = ENVOY_RING[(i + 1) % ENVOY_RING.length]![0];
    assert.equal(ring.pick(hash64(position + 1n), 0)!.key, `127.0.0.1:${next}`);
    assert.equal(ring.pick(hash64(position), 1)!.key, `127.0.0.1:${next}`, "the next attempt takes the next entry");
  }
  assert.equal(ring.pick(hash64(0n), 0)!.key, "127.0.0.1:94");
  assert.equal(ring.pick(hash64((1n << 64n) - 1n), 0)!.key, "127.0.0.1:94");
});

Deno.test("Entries follow the weights, up to the maximum size of the ring", () => {
  const hosts = hashedHosts([90, 91, 92], [1, 2, 6]);
  const counts = new Map<string, number>();
  const ring = new RingHashPicker(hosts, { ...XX, ringMinimumSize: 9000, ringMaximumSize: 9000 }, seededRandom(1));
  for (let i = 0; i < 20_000; i++) {
    const key = ring.pick(null, 0)!.key;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  for (const { host, weight } of hosts) {
    assert.ok(
      Math.abs(counts.get(host.key)! / 20_000 - weight) < 0.03,
      `'${host.key}' got ${counts.get(host.key)}`,
    );
  }
});

Deno.test("A host that goes takes only its own keys along", () => {
  const ports = Array.from({ length: 20 }, (_, i) => 8000 + i);
  const before = new RingHashPicker(hashedHosts(ports), { ...XX, ringMinimumSize: 1024 }, seededRandom(1));
  const after = new RingHashPicker(hashedHosts(ports.slice(1)), { ...XX, ringMinimumSize: 1024 }, seededRandom(1));
  const random = seededRandom(7);
  let moved = 0;
  for (let i = 0; i < 2000; i++) {
    const hash = { hi: Math.floor(random() * 2 ** 32), lo: Math.floor(random() * 2 ** 32) };
    const was = before.pick(hash, 0)!.key;
    if (was !== "127.0.0.1:8000" && after.pick(hash, 0)!.key !== was) moved++;
  }
  // The number of entries for each host changes with the number of hosts, so a few more move.
  assert.ok(moved < 2000 * 0.1, `'${moved}' of 2000 keys moved without need`);
});

Deno.test("The Murmur ring is another one", () => {
  const hosts = hashedHosts([90, 91, 92, 93, 94, 95]);
  const murmur = new RingHashPicker(hosts, { ...XX, ringHashFunction: "murmur_hash_2" }, seededRandom(1));
  const keys = ENVOY_RING.map(([, position]) => murmur.pick(hash64(position), 0)!.key);
  assert.notDeepEqual(keys, ENVOY_RING.map(([port]) => `127.0.0.1:${port}`));
});
