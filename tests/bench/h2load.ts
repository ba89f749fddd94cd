import { FakeIstiod } from "../../lib/testing/mod.ts";
import { freePort, startEnvoy } from "../interop/envoy.ts";
import { tlsRelay } from "../interop/envoy_config.ts";
import { runPeer } from "../interop/process.ts";
import { type Cell, median, ratioCell } from "./cell.ts";
import { certificateFiles } from "./certificates.ts";
import { benchWorkload, echoService, ready, startProgram } from "./http/path.ts";
import { cpuMicroseconds } from "./proc.ts";

const REQUESTS = 20_000;
const ALTERNATIONS = 7;

/**
 * The server alone under h2load, over TLS. h2load shows no client certificate, so it speaks through an Envoy that passes
 * bytes on and does; only the server's CPU counts.
 */
export async function h2loadBench(log: (line: string) => void): Promise<Cell[]> {
  await using istiod = await FakeIstiod.start();
  const folder = await Deno.makeTempDir();
  try {
    const certificates = await certificateFiles(istiod, folder);
    await using stack = new AsyncDisposableStack();
    const start = async (name: string, env: Record<string, string>, port: number) => {
      log(`h2load: starting ${name}`);
      const server = stack.use(startProgram(`../h2load/server_${name}.ts`, [String(port)], env));
      await ready(server);
      const front = freePort();
      stack.use(
        await startEnvoy(tlsRelay({ port: front, upstream: port, certificates, alpn: ["istio-h2", "istio", "h2"] })),
      );
      return { name, pid: server.pid, front, cpu: [] as number[], rate: [] as number[] };
    };
    const port = freePort();
    istiod.apply(echoService("echo", port, "http2"));
    const servers = [
      await start("deno", { ENMESH_BENCH_CERTS: JSON.stringify(certificates) }, freePort()),
      await start("enmesh", { ENMESH_BENCH_JOIN: JSON.stringify(await benchWorkload(istiod, "echo")) }, port),
    ];
    for (let turn = 0; turn <= ALTERNATIONS; turn++) {
      for (const server of servers) {
        const before = cpuMicroseconds(server.pid);
        const seconds = await load(server.front);
        // The first turn warms up.
        if (turn === 0) continue;
        server.cpu.push((cpuMicroseconds(server.pid) - before) / REQUESTS);
        server.rate.push(REQUESTS / seconds);
      }
    }
    for (const { name, cpu, rate } of servers) {
      log(`h2load: ${name.padEnd(6)} cpu ${median(cpu).toFixed(1)} us, ${Math.round(median(rate))} requests/s`);
    }
    const facts = { name: "h2load", cell: "8 connections, 32 streams", measure: "server cpu", unit: "us" } as const;
    return [ratioCell({ ...facts, against: "Deno.serve" }, servers[1]!.cpu, servers[0]!.cpu, { atMost: 1 })];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs h2load once; resolves with the seconds it took. */
async function load(port: number): Promise<number> {
  const args = ["-n", String(REQUESTS), "-c", "8", "-m", "32", `http://127.0.0.1:${port}/`];
  const { stdout, stderr } = await runPeer("h2load", { args }, 120_000);
  if (!stdout.includes(` ${REQUESTS} succeeded, 0 failed, 0 errored, 0 timeout`)) {
    throw new Error(`Cannot measure: h2load did not succeed:\n${stdout}${stderr}`);
  }
  const [, time, unit] = /finished in ([\d.]+)(ms|s)/.exec(stdout)!;
  return Number(time) / (unit === "ms" ? 1000 : 1);
}
