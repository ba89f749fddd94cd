import assert from "node:assert/strict";
import { LeastRequestPicker } from "../../lib/load_balancer/least_request.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { type TestHost, weightedHosts } from "./hosts.ts";

const OPTIONS = { choiceCount: 2, activeRequestBias: 1, fullScan: false };

function counts(picker: LeastRequestPicker<TestHost>, picks: number): Map<string, number> {
  const result = new Map<string, number>();
  for (let i = 0; i < picks; i++) {
    const key = picker.pick()!.key;
    result.set(key, (result.get(key) ?? 0) + 1);
  }
  return result;
}

Deno.test("Of two hosts drawn the one with fewer requests is taken", () => {
  const hosts = weightedHosts([1, 2]);
  hosts[0]!.host.active = 5;
  const picker = new LeastRequestPicker(hosts, OPTIONS, seededRandom(1));
  const result = counts(picker, 8000);
  // The busy one wins only when it is drawn twice.
  assert.ok(Math.abs(result.get("127.0.0.1:1")! / 8000 - 0.25) < 0.03);
});

Deno.test("More choices find the idle host more often", () => {
  const hosts = weightedHosts([1, 2, 3, 4]);
  for (const { host } of hosts.slice(1)) host.active = 5;
  const picker = new LeastRequestPicker(hosts, { ...OPTIONS, choiceCount: 10 }, seededRandom(1));
  assert.ok(counts(picker, 4000).get("127.0.0.1:1")! / 4000 > 0.9);
});

Deno.test("Different weights are kept while all are idle", () => {
  const picker = new LeastRequestPicker(weightedHosts([1, 2], [1, 3]), OPTIONS, seededRandom(1));
  assert.ok(Math.abs(counts(picker, 4000).get("127.0.0.1:2")! / 4000 - 0.75) < 0.01);
});

Deno.test("A weighted host with requests under way gets less, by the bias", () => {
  const share = (activeRequestBias: number) => {
    const hosts = weightedHosts([1, 2], [1, 3]);
    hosts[1]!.host.active = 2;
    const picker = new LeastRequestPicker(hosts, { ...OPTIONS, activeRequestBias }, seededRandom(1));
    return counts(picker, 4000).get("127.0.0.1:2")! / 4000;
  };
  // 3 / (2 + 1) = 1 against 1; without bias 3 against 1.
  assert.ok(Math.abs(share(1) - 0.5) < 0.02);
  assert.ok(Math.abs(share(0) - 0.75) < 0.02);
  assert.ok(share(2) < 0.3);
});

Deno.test("A full scan finds the least loaded, and is fair among equals", () => {
  const hosts = weightedHosts([1, 2, 3, 4, 5]);
  hosts[0]!.host.active = 1;
  hosts[3]!.host.active = 2;
  const result = counts(new LeastRequestPicker(hosts, { ...OPTIONS, fullScan: true }, seededRandom(5)), 9000);
  assert.deepEqual([...result.keys()].sort(), ["127.0.0.1:2", "127.0.0.1:3", "127.0.0.1:5"]);
  for (const count of result.values()) assert.ok(Math.abs(count / 3000 - 1) < 0.08, `'${count}' of 3000`);
});
