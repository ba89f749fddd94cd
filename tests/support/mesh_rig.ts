/**
 * A whole mesh on loopback for integration tests: an embedded control plane, workloads that join it, services that
 * lead to the ports they serve. `close()` asserts that nothing is left open.
 */
import assert from "node:assert/strict";
import {
  type JoinOptions,
  type Logger,
  Mesh,
  type MeshServeHandler,
  type MeshServeOptions,
  type MeshServer,
} from "../../mod.ts";
import { FakeIstiod, type FakeIstiodOptions, type FakeWorkloadOptions } from "../../lib/testing/mod.ts";
import { typeUrl } from "../../lib/protobuf/registry.ts";
import { until } from "./until.ts";

/** Type URLs of what tests push. */
export const TYPE = {
  cluster: typeUrl("envoy.config.cluster.v3.Cluster"),
  endpoint: typeUrl("envoy.config.endpoint.v3.ClusterLoadAssignment"),
  listener: typeUrl("envoy.config.listener.v3.Listener"),
  route: typeUrl("envoy.config.route.v3.RouteConfiguration"),
} as const;

/** Log lines of a mesh, kept. */
export class LogBook implements Logger {
  readonly lines: { level: string; message: string }[] = [];

  log(level: string, message: string): void {
    this.lines.push({ level, message });
  }

  /** The first line that matches. */
  find(pattern: RegExp): string | undefined {
    return this.lines.find(({ message }) => pattern.test(message))?.message;
  }

  /** Every line as text, for failures. */
  toString(): string {
    return this.lines.map(({ level, message }) => `${level}: ${message}`).join("\n");
  }
}

/** What a joined workload of the rig may differ in. */
export interface RigWorkload extends Partial<FakeWorkloadOptions> {
  /** Options of `Mesh.join` over those of the fake. */
  readonly join?: JoinOptions;
}

/** A Service of the rig. */
export interface RigService {
  readonly name: string;
  /** Ports of 127.0.0.1 behind it. */
  readonly ports: readonly number[];
  /** Port callers use. @default {80} */
  readonly port?: number;
  /** Name of the port: its prefix is the protocol. @default {"http"} */
  readonly portName?: string;
  /** Target port the mesh knows; what a server passes as `meshPort`. */
  readonly targetPort: number;
  /** Whether the endpoints speak the mesh's TLS. @default {true} */
  readonly inMesh?: boolean;
}

let addresses = 1;
let targetPorts = 20_000;

/** See the module. */
export class MeshRig {
  readonly istiod: FakeIstiod;
  readonly meshes: Mesh[] = [];
  /** Log lines of every workload, by name. */
  readonly logs = new Map<string, LogBook>();
  readonly #cleanups: (() => Promise<unknown> | unknown)[] = [];

  private constructor(istiod: FakeIstiod) {
    this.istiod = istiod;
  }

  /** Starts a control plane. */
  static async start(options: FakeIstiodOptions = {}): Promise<MeshRig> {
    return new MeshRig(await FakeIstiod.start(options));
  }

  /** Runs a test on a rig and closes it, also when the test fails. */
  static async use(test: (rig: MeshRig) => Promise<void>, options: FakeIstiodOptions = {}): Promise<void> {
    const rig = await MeshRig.start(options);
    try {
      await test(rig);
    } finally {
      await rig.close();
    }
  }

  /** The options a workload of that name joins with. */
  options(name: string, { join = {}, ...workload }: RigWorkload = {}): JoinOptions {
    const log = new LogBook();
    this.logs.set(name, log);
    return { ...this.istiod.workload({ name, ...workload }), besideSidecar: true, logger: log, ...join };
  }

  /** Joins a workload. */
  async join(name: string, workload: RigWorkload = {}): Promise<Mesh> {
    const mesh = await Mesh.join(this.options(name, workload));
    this.meshes.push(mesh);
    return mesh;
  }

  /** Log lines of a workload. */
  log(name: string): LogBook {
    return this.logs.get(name)!;
  }

  /** Applies a Service with the endpoints given. Returns its cluster IP. */
  service({ name, ports, port = 80, portName = "http", targetPort, inMesh = true }: RigService): string {
    const clusterIp = `10.97.${addresses >> 8}.${addresses++ & 255}`;
    this.istiod.apply(`
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: default }
spec:
  clusterIP: ${clusterIp}
  selector: { app: ${name} }
  ports: [{ name: ${portName}, port: ${port}, targetPort: ${targetPort} }]
`);
    this.endpoints(name, ports, { portName, inMesh });
    return clusterIp;
  }

  /** Sets the endpoints of a Service. */
  endpoints(
    name: string,
    ports: readonly number[],
    { portName = "http", inMesh = true }: { portName?: string; inMesh?: boolean } = {},
  ): void {
    const target = inMesh ? `targetRef: { kind: Pod, name: ${name}, namespace: default }` : "";
    this.istiod.apply(
      ports.map((port, i) => `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-${i}, namespace: default, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
endpoints:
  - addresses: [127.0.0.1]
    conditions: { ready: true }
    ${target}
ports: [{ name: ${portName}, port: ${port}, protocol: TCP }]
`).join("---"),
    );
  }

  /** Joins a workload, serves a handler there and makes the Service of its name lead to it. */
  async serve(
    name: string,
    handler: MeshServeHandler,
    { portName = "http", mesh, workload = {}, ...options }: MeshServeOptions & {
      portName?: string;
      mesh?: Mesh;
      workload?: RigWorkload;
    } = {},
  ): Promise<{ mesh: Mesh; server: MeshServer; port: number; targetPort: number }> {
    const meshPort = options.meshPort ?? targetPorts++;
    mesh ??= await this.join(name, workload);
    this.service({ name, ports: [], portName, targetPort: meshPort });
    await this.istiod.settled();
    const server = await mesh.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {}, ...options, meshPort },
      handler,
    );
    this.endpoints(name, [server.addr.port], { portName });
    await this.istiod.settled();
    return { mesh, server, port: server.addr.port, targetPort: meshPort };
  }

  /** Runs at the end, last first. */
  defer(cleanup: () => Promise<unknown> | unknown): void {
    this.#cleanups.push(cleanup);
  }

  /** A plain `Deno.serve` on loopback that ends with the rig; returns its port. */
  plainServer(handler: Deno.ServeHandler<Deno.NetAddr>): number {
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, handler);
    this.defer(() => server.shutdown());
    return server.addr.port;
  }

  /** Waits until a request is answered with a status (configuration arrives behind `settled` in rare cases). */
  async answers(mesh: Mesh, url: string, status = 200): Promise<void> {
    await until(`'${url}' answers ${status}`, async () => {
      const response = await mesh.fetch(url);
      await response.body?.cancel();
      return response.status === status;
    }, 5_000);
  }

  /** Closes everything; fails when something is left open. */
  async close(): Promise<void> {
    for (const cleanup of this.#cleanups.reverse()) await cleanup();
    await Promise.all(this.meshes.map((mesh) => mesh.close({ drain: 0 })));
    await this.istiod.close();
    for (const mesh of this.meshes) assert.equal(mesh.openHandles, 0, "a closed mesh holds something open");
    assert.equal(this.istiod.handles.total, 0, "the closed control plane holds something open");
  }
}
