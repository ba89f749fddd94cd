import { FakeIstiod } from "../../lib/testing/mod.ts";
import { absoluteCell, type Cell, ratioCell } from "./cell.ts";
import { benchWorkload, type Program, startProgram } from "./http/path.ts";
import { cpuMicroseconds, exactCpuMicroseconds, pssMiB } from "./proc.ts";
import { choiceCells } from "./scale/choice.ts";
import { clusterOf, type Resources, ScaleConfiguration, TYPE } from "./scale/configuration.ts";
import { ScaleControlPlane } from "./scale/control_plane.ts";
import { startEnvoyClient } from "./scale/envoy.ts";

const SERVICES = 10_000;
const USED = 5;
/** A mesh that costs nothing, to subtract what the programs need by themselves. */
const FEW = 10;
const ENDPOINT_CHANGES = 200;
const ROUTE_PUSHES = 10;
const TURNS = 3;
const LONGEST_PAUSES = 5;

type Log = (line: string) => void;

/** What one client cost. */
interface Costs {
  /** MiB, ready and settled. */
  readonly memory: number;
  /** CPU seconds from the start of the process until it was ready. */
  readonly start: number;
  /** CPU milliseconds of one push. */
  readonly usedEndpoint: number;
  readonly unusedEndpoint: number;
  readonly route: number;
}

/** Memory, CPU and pauses with a large configuration, beside Envoy with the same server. */
export async function scaleBench(log: Log): Promise<Cell[]> {
  const cells: Cell[] = [];
  const application = Deno.serve({ hostname: "0.0.0.0", port: 0, onListen: () => {} }, () => new Response("here"));
  try {
    await using istiod = await FakeIstiod.start();
    const ground = { istiod, application: application.addr.port, log };
    const pauses: number[] = [];
    for (let turn = 0; turn < LONGEST_PAUSES; turn++) pauses.push(await longestPause(ground));
    log(`scale: longest pauses ${pauses.map((ms) => ms.toFixed(1)).join(", ")} ms`);
    const ours: Costs[] = [];
    const theirs: Costs[] = [];
    for (let turn = 0; turn < TURNS; turn++) {
      ours.push(await costs("enmesh", ground));
      theirs.push(await costs("envoy", ground));
    }
    const cell = (name: string, unit: string, key: keyof Costs, atMost: number) =>
      ratioCell(
        { name: "scale", cell: name, measure: key === "memory" ? "memory" : "cpu", unit, against: "envoy" },
        ours.map((costs) => costs[key]),
        theirs.map((costs) => costs[key]),
        { atMost },
      );
    cells.push(
      cell("memory added by 10,000 services", "MiB", "memory", 0.1),
      cell("start until ready", "s", "start", 0.5),
      cell("one endpoint changed, in use", "ms", "usedEndpoint", 1),
      cell("one endpoint changed, not in use", "ms", "unusedEndpoint", 0.2),
      cell("one virtual host added", "ms", "route", 0.7),
      absoluteCell({ name: "scale", cell: "first push", measure: "longest pause", unit: "ms" }, pauses, 50),
    );
  } finally {
    await application.shutdown();
  }
  cells.push(...choiceCells(log));
  return cells;
}

interface Ground {
  readonly istiod: FakeIstiod;
  /** Port that answers for the services in use. */
  readonly application: number;
  readonly log: Log;
}

/** A process that follows the configuration. */
interface Client extends AsyncDisposable {
  readonly pid: number;
}

async function startEnmesh({ istiod }: Ground, port: number, args: string[] = []): Promise<Program> {
  const options = { ...await benchWorkload(istiod, "caller"), discoveryAddress: `localhost:${port}` };
  const program = startProgram("../scale/client_enmesh.ts", args, { ENMESH_BENCH_JOIN: JSON.stringify(options) });
  if (await program.line() !== "ready") throw new Error("Unexpected output of the bench program");
  return program;
}

async function use(program: Program, services = USED): Promise<void> {
  await program.send(`use ${services}`);
  if (await program.line() !== "used") throw new Error("Unexpected output of the bench program");
}

async function longestPause(ground: Ground): Promise<number> {
  const configuration = new ScaleConfiguration(SERVICES, USED, ground.application);
  await using server = await ScaleControlPlane.start(configuration, ground.istiod);
  await using program = await startEnmesh(ground, server.port, ["--watch-pauses"]);
  await use(program);
  await program.send("pause");
  return Number(await program.line());
}

/** What one client costs, started twice: with few services and with many. */
async function costs(kind: "enmesh" | "envoy", ground: Ground): Promise<Costs> {
  const start = (port: number, services: number): Promise<Client> =>
    kind === "envoy" ? startEnvoyClient(port, services) : startEnmesh(ground, port);
  const measure = async (services: number) => {
    const configuration = new ScaleConfiguration(services, USED, ground.application);
    await using server = await ScaleControlPlane.start(configuration, ground.istiod);
    await using client = await start(server.port, services);
    const ready = cpuMicroseconds(client.pid);
    await server.settled();
    if (kind === "enmesh") await use(client as Program);
    const memory = await restingMemory(client.pid);
    if (services === FEW) return { memory, start: ready / 1e6, usedEndpoint: 0, unusedEndpoint: 0, route: 0 };
    const push = async (type: string, count: number, resources: (turn: number) => Resources) => {
      // The first ones compile what the others use.
      if (type === TYPE.endpoint) {
        for (let turn = 1; turn <= count; turn++) {
          await server.push(type, resources(turn));
        }
      }
      const before = exactCpuMicroseconds(client.pid);
      for (let turn = 1; turn <= count; turn++) {
        await server.push(type, resources(turn));
        // Envoy does the whole work at once, enmesh some of it at the next request.
        if (kind === "enmesh" && type === TYPE.route) await use(client as Program, 1);
      }
      return (exactCpuMicroseconds(client.pid) - before) / 1000 / count;
    };
    const endpoints = (service: number) => (turn: number) =>
      new Map([[clusterOf(service), configuration.endpointsOf(service, turn)]]);
    const unusedEndpoint = await push(TYPE.endpoint, ENDPOINT_CHANGES, endpoints(services - 1));
    // For Envoy it makes no difference, and services in use are simpler here: no mutual TLS.
    const usedEndpoint = kind === "envoy" ? unusedEndpoint : await push(TYPE.endpoint, ENDPOINT_CHANGES, endpoints(0));
    const route = await push(TYPE.route, ROUTE_PUSHES, (turn) => {
      configuration.addHost(turn);
      return configuration.routes();
    });
    if (server.refusals.length > 0) throw new Error(`A client refused the configuration: ${server.refusals[0]}`);
    return { memory, start: ready / 1e6, usedEndpoint, unusedEndpoint, route };
  };
  const few = await measure(FEW);
  const many = await measure(SERVICES);
  ground.log(
    `scale: ${kind.padEnd(6)} memory ${few.memory.toFixed(0)} + ${(many.memory - few.memory).toFixed(0)} MiB, ` +
      `ready after ${many.start.toFixed(2)} s of CPU (${few.start.toFixed(2)} s with ${FEW} services), ` +
      `endpoint ${many.usedEndpoint.toFixed(2)} ms used, ${many.unusedEndpoint.toFixed(2)} ms unused, ` +
      `virtual host ${many.route.toFixed(0)} ms`,
  );
  return { ...many, memory: many.memory - few.memory };
}

/** The memory once it does not fall any more: what was only needed on the way is given back by and by. */
async function restingMemory(pid: number): Promise<number> {
  let last = Infinity;
  for (;;) {
    const now = pssMiB(pid);
    if (now >= last - 1) return now;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 3_000));
  }
}
