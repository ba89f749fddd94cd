/**
 * A sample of equal outcomes on a live istiod: workloads join it and FakeIstiod, both with the objects of a recorded
 * scenario, and the table of requests and connections comes out alike; so do the requests written beside the recording.
 */
import assert from "node:assert/strict";
import { loadBootstrap } from "../../lib/bootstrap/bootstrap.ts";
import { systemClock } from "../../lib/internal/clock.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { MeshRuntime } from "../../lib/mesh_runtime.ts";
import { FakeIstiod, type FakeWorkload, type FakeWorkloadOptions } from "../../lib/testing/mod.ts";
import { assertSameOutcomes } from "../support/outcomes.ts";
import { LEFT_OUT } from "../testing/generate/accepted_differences.ts";
import { scenarioYaml } from "../testing/generate/recording.ts";
import { CANARY } from "../vector/outcomes/canary.ts";
import { HASHING } from "../vector/outcomes/hashing.ts";
import { LOCALITY } from "../vector/outcomes/locality.ts";
import { outcomeOf } from "../vector/outcomes/outcome.ts";
import type { OutcomeCase } from "../vector/outcomes/outcome_table.ts";
import { RESILIENCE } from "../vector/outcomes/resilience.ts";
import { startIstiod } from "./istiod.ts";

const SLEEP: FakeWorkloadOptions = { name: "sleep-v1", ip: "10.0.0.1" };
const HTTPBIN: FakeWorkloadOptions = { name: "httpbin-v1", ip: "10.0.0.11" };

async function join(workload: FakeWorkload): Promise<MeshRuntime> {
  const bootstrap = await loadBootstrap({ ...workload, besideSidecar: true, logger: silentLogger });
  const runtime = new MeshRuntime({ bootstrap, logger: silentLogger, clock: systemClock, random: Math.random });
  await runtime.join(null);
  return runtime;
}

const CASES: Readonly<Record<string, readonly OutcomeCase[]>> = {
  basic: [],
  "tls-modes": [],
  canary: CANARY.cases,
  resilience: RESILIENCE.cases,
  locality: LOCALITY.cases,
  hashing: HASHING.cases,
};

for (const [scenario, cases] of Object.entries(CASES)) {
  Deno.test(`${scenario}: FakeIstiod has the outcomes of a live istiod`, async (t) => {
    const documents = scenarioYaml(scenario, LEFT_OUT[scenario]!).split(/^---$/m);
    const isIstio = (document: string) => /^apiVersion: \S*istio\.io/m.test(document);
    await using istiod = await startIstiod({
      objects: documents.filter((document) => !isIstio(document)).join("---\n"),
      configs: documents.filter(isIstio).join("---\n"),
    });
    await using fake = await FakeIstiod.start();
    fake.apply(documents.join("---"));
    for (const options of [SLEEP, HTTPBIN]) {
      await t.step(options.name, async () => {
        const ours = fake.workload(options);
        const { namespace, serviceAccount } = ours.workload;
        const runtimes: MeshRuntime[] = [];
        try {
          runtimes.push(
            await join(ours),
            await join({
              ...ours,
              discoveryAddress: istiod.discoveryAddress,
              caAddress: istiod.discoveryAddress,
              rootCertificates: istiod.root,
              token: () => istiod.token(namespace, serviceAccount),
            }),
          );
          const [own, theirs] = [runtimes[0]!.store, runtimes[1]!.store];
          await assertSameOutcomes(own, theirs);
          for (const item of cases) {
            assert.deepEqual(await outcomeOf(own, item), await outcomeOf(theirs, item), item.request);
          }
        } finally {
          for (const runtime of runtimes) await runtime.close({ drain: 0 });
          for (const { registry } of runtimes) assert.equal(registry.total, 0, "a closed mesh holds something open");
        }
      });
    }
  });
}
