import { FakeIstiod } from "../../lib/testing/mod.ts";
import { alternate } from "./alternate.ts";
import { type Cell, ratioCell } from "./cell.ts";
import { certificateFiles } from "./certificates.ts";
import { directPath, enmeshPath, pairPath, proxylessPath } from "./grpc/path.ts";
import type { GrpcOrder } from "./grpc/load.ts";
import type { Ground, Path } from "./http/path.ts";

const UNARY: GrpcOrder = { kind: "unary", inFlight: 32, bytes: 1024, requests: 20_000 };
const STREAM: GrpcOrder = { kind: "stream", inFlight: 4, bytes: 1024, requests: 100_000 };

/** The gRPC bench: one generated stub through each of four paths, in turn, as ratios. */
export async function grpcBench(log: (line: string) => void): Promise<Cell[]> {
  await using istiod = await FakeIstiod.start();
  const folder = await Deno.makeTempDir();
  try {
    const ground: Ground = { istiod, certificates: await certificateFiles(istiod, folder) };
    await using stack = new AsyncDisposableStack();
    const paths: Path[] = [];
    for (const start of [directPath, pairPath, proxylessPath, enmeshPath]) {
      log(`grpc: starting ${start.name.replace("Path", "")}`);
      paths.push(stack.use(await start(ground)));
    }
    const unary = await alternate(paths, UNARY, "grpc: unary, 1 KiB, 32 in flight", log);
    const stream = await alternate(paths, STREAM, "grpc: server stream, 1 KiB messages", log);
    const cpu = (name: string) => unary.get(name)!.map((run) => run.cpu);
    const rate = (name: string) => stream.get(name)!.map((run) => run.rate);
    const call = { name: "grpc", cell: "unary, 1 KiB, 32 in flight", measure: "cpu", unit: "us" } as const;
    return [
      ratioCell({ ...call, against: "grpc-js" }, cpu("enmesh"), cpu("grpc-js"), { atMost: 0.4 }),
      ratioCell({ ...call, against: "pair" }, cpu("enmesh"), cpu("pair"), { atMost: 0.2 }),
      // No bar of its own: it speaks plaintext. It must not be the better choice all the same.
      ratioCell({ ...call, against: "grpc-js-xds" }, cpu("enmesh"), cpu("xds"), { atMost: 1 }),
      ratioCell(
        { name: "grpc", cell: "server stream, 1 KiB", measure: "messages/s", unit: "1/s", against: "grpc-js" },
        rate("enmesh"),
        rate("grpc-js"),
        { atLeast: 2 },
      ),
    ];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
