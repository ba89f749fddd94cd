/**
 * Runs the interop tests: `deno task interop [name...] [--full]`. Each `*_test.ts` beside this file is one suite, run
 * one at a time against real peers. Ends with a line that counts the cases.
 */
import { ensurePeer, type PeerName } from "./peers.ts";

/** Which real peers a suite needs; suites not listed need none. */
const NEEDS: Record<string, readonly PeerName[]> = {
  envoy: ["envoy"],
  clusters: ["envoy", "istiod"],
  istiod: ["istiod"],
  load_balancing: ["envoy"],
  outcomes: ["istiod"],
  differential: ["envoy"],
  headers: ["envoy"],
  istioctl: ["istioctl", "envoy"],
  proxy_status: ["istioctl", "istiod"],
  generated: ["istiod"],
  h2spec: ["h2spec"],
  health: ["envoy"],
  http2: ["nghttpd", "nghttp", "h2load", "curl", "envoy"],
  "wasm-conformance": ["envoy"],
  "wasm-sdks": ["envoy", "clang", "lld", "assemblyScript", "rustFilter"],
  grpc: ["grpcClient", "grpcServer", "grpcJs", "envoy"],
};

const log = (line: string) => console.log(`interop: ${line}`);

function suites(): string[] {
  return [...Deno.readDirSync(new URL("./", import.meta.url))]
    .filter((entry) => entry.isFile && entry.name.endsWith("_test.ts"))
    .map((entry) => entry.name.slice(0, -"_test.ts".length))
    .sort();
}

interface Count {
  passed: number;
  failed: number;
}

async function runSuite(name: string, full: boolean): Promise<Count> {
  for (const peer of NEEDS[name] ?? []) await ensurePeer(peer, log);
  log(`Running ${name}`);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", new URL(`./${name}_test.ts`, import.meta.url).pathname],
    env: { NO_COLOR: "1", ...(full ? { ENMESH_INTEROP_FULL: "1" } : {}) },
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let output = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += text;
    await Deno.stdout.write(new TextEncoder().encode(text));
  }
  const { success } = await child.status;
  // The summary is the last line of its form: what a test prints may look like one.
  const summary = [...output.matchAll(/^(?:ok|FAILED) \| (\d+) passed(?: \(.*?\))? \| (\d+) failed/gm)].at(-1);
  const count = { passed: Number(summary?.[1] ?? 0), failed: Number(summary?.[2] ?? 0) };
  // A suite that ended badly without saying so (a crash, a leak found at the end) counts as a failure.
  if (!success && count.failed === 0) count.failed = 1;
  return count;
}

async function main(): Promise<void> {
  const full = Deno.args.includes("--full");
  const known = suites();
  const wanted = Deno.args.filter((argument) => !argument.startsWith("--"));
  const unknown = wanted.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    console.error(`Cannot run interop suite '${unknown[0]}': there is none, choose from ${known.join(", ")}`);
    Deno.exit(2);
  }
  const total: Count = { passed: 0, failed: 0 };
  for (const name of wanted.length > 0 ? wanted : known) {
    let count: Count;
    try {
      count = await runSuite(name, full);
    } catch (error) {
      console.error(`interop: ${name}: ${(error as Error).message}`);
      count = { passed: 0, failed: 1 };
    }
    log(`${name}: ${count.passed} passed, ${count.failed} failed`);
    total.passed += count.passed;
    total.failed += count.failed;
  }
  console.log(`${total.passed} passed, ${total.failed} failed`);
  if (total.failed > 0) Deno.exit(1);
}

await main();
