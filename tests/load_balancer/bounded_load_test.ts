import assert from "node:assert/strict";
import { BoundedLoadPicker } from "../../lib/load_balancer/bounded_load.ts";
import { MersenneTwister } from "../../lib/load_balancer/mersenne_twister.ts";
import { RingHashPicker } from "../../lib/load_balancer/ring_hash.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { hashedHosts } from "./hosts.ts";

Deno.test("The generator is MT19937: the ten thousandth number of the standard's seed", () => {
  const random = new MersenneTwister(5489);
  assert.equal(random.next(), 3499211612);
  for (let i = 0; i < 9998; i++) random.next();
  assert.equal(random.next(), 4123659995);
});

Deno.test("A number below a bound is uniform", () => {
  const random = new MersenneTwister(1);
  const counts = [0, 0, 0];
  for (let i = 0; i < 30_000; i++) counts[random.below(3)]!++;
  for (const count of counts) assert.ok(Math.abs(count - 10_000) < 400);
});

Deno.test("No host has more than its bounded share, and the same key goes the same way", () => {
  const hosts = hashedHosts([1, 2, 3, 4]);
  const random = seededRandom(1);
  let active = 0;
  const options = { ringMinimumSize: 1024, ringMaximumSize: 8_388_608, ringHashFunction: "xx_hash" } as const;
  const inner = new RingHashPicker(hosts, options, random);
  const picker = new BoundedLoadPicker(hosts, inner, { balanceFactor: 150, active: () => active, random });
  const hash = { hi: 123, lo: 456 };
  const first = picker.pick(hash, 0)!;
  assert.equal(first, inner.pick(hash, 0));
  for (let i = 0; i < 40; i++) {
    const host = picker.pick(hash, 0)!;
    assert.equal(picker.pick(hash, 0), host);
    host.active++;
    active++;
    // 150 % of a quarter, rounded up, and one may be on its way.
    const bound = Math.ceil(Math.floor(((active + 1) * 150 + 99) / 100) / 4) + 1;
    for (const each of hosts) assert.ok(each.host.active <= bound, `'${each.host.active}' of ${active}`);
  }
  assert.ok(hosts.every(({ host }) => host.active > 0 || host.key !== first.key));
});
