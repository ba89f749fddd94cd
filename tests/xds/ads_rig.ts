import assert from "node:assert/strict";
import { systemClock } from "../../lib/internal/clock.ts";
import type { LogLevel } from "../../lib/internal/logger.ts";
import { decode } from "../../lib/protobuf/registry.ts";
import type { FakeWorkload } from "../../lib/testing/mod.ts";
import { createConnector } from "../../lib/transport/connector.ts";
import { HandleRegistry } from "../../lib/transport/handle_registry.ts";
import { AdsClient, type AdsClientOptions } from "../../lib/xds/ads_client.ts";
import type { AdsStatus } from "../../lib/xds/ads_status.ts";
import type { ResourceError, ResourceSink, ResourceUpdate } from "../../lib/xds/resource_sink.ts";
import { TYPE_URLS } from "../../lib/xds/type_urls.ts";
import { buildNode } from "../../lib/bootstrap/node.ts";
import { loadBootstrap } from "../../lib/bootstrap/bootstrap.ts";
import { recordFiles } from "../../lib/bootstrap/file_source.ts";
import { FakeSource } from "./fake_source.ts";

const { CDS, EDS, LDS, NDS } = TYPE_URLS;
const CAP_MS = 10_000;

/** Keeps resources, and asks for the endpoints of the clusters it holds. */
export class FakeSink implements ResourceSink {
  readonly held = new Map<string, Map<string, Uint8Array>>();
  readonly source: FakeSource;
  updates = 0;
  /** Errors to answer the next updates of a type with. */
  readonly errors = new Map<string, readonly ResourceError[]>();
  /** Thrown once, by the next update. */
  fault: Error | null = null;

  constructor(source: FakeSource) {
    this.source = source;
  }

  apply(typeUrl: string, update: ResourceUpdate): readonly ResourceError[] {
    this.updates++;
    const { fault } = this;
    this.fault = null;
    if (fault !== null) throw fault;
    const held = this.held.get(typeUrl) ?? new Map<string, Uint8Array>();
    this.held.set(typeUrl, held);
    for (const name of update.removed) held.delete(name);
    for (const [name, bytes] of update.changed) held.set(name, bytes);
    if (typeUrl === CDS) {
      const names = [...held.values()].flatMap((bytes) => {
        const { name, type } = decode("envoy.config.cluster.v3.Cluster", bytes);
        return type === "EDS" ? [name!] : [];
      });
      this.source.set(EDS, names);
    }
    return this.errors.get(typeUrl) ?? [];
  }

  names(typeUrl: string): string[] {
    return [...this.held.get(typeUrl)?.keys() ?? []].sort();
  }
}

/** An ADS client with everything around it, and what it did. */
export class AdsRig implements AsyncDisposable {
  readonly source = new FakeSource({ [CDS]: "*", [LDS]: "*", [NDS]: "*" });
  readonly sink = new FakeSink(this.source);
  readonly registry = new HandleRegistry();
  readonly statuses: AdsStatus[] = [];
  readonly lines: { level: LogLevel; message: string }[] = [];
  readonly client: AdsClient;
  /** Streams asked for, by the number of times their security was. */
  streams = 0;
  readonly #waiters = new Set<() => void>();

  constructor(options: Pick<AdsClientOptions, "address" | "security" | "node"> & Partial<AdsClientOptions>) {
    const { security, ...rest } = options;
    this.client = new AdsClient({
      headers: {},
      sink: this.sink,
      source: this.source,
      connector: createConnector({ registry: this.registry, clock: systemClock }),
      registry: this.registry,
      clock: systemClock,
      random: () => 0.5,
      logger: { log: (level, message) => void this.lines.push({ level, message }) },
      onStatus: (status) => {
        this.statuses.push(status);
        for (const wake of this.#waiters) wake();
      },
      security: () => {
        this.streams++;
        return security();
      },
      ...rest,
    });
  }

  /** A rig for a workload of a FakeIstiod, started. */
  static async join(
    workload: FakeWorkload,
    options: Partial<AdsClientOptions> & { roots?: string; serverName?: string } = {},
  ): Promise<AdsRig> {
    const bootstrap = await loadBootstrap(workload, { files: recordFiles({}) });
    const { hostname, port, headers } = bootstrap.discovery;
    const { roots = workload.rootCertificates, serverName = "istiod.istio-system.svc", ...rest } = options;
    const rig = new AdsRig({
      address: { hostname, port },
      headers,
      node: (localAddress) => buildNode(bootstrap, localAddress),
      security: async () => ({ tls: { roots, serverName, certificate: null }, token: await workload.token() }),
      ...rest,
    });
    rig.client.start();
    return rig;
  }

  /** The states gone through. */
  get states(): string[] {
    return this.statuses.map(({ state }) => state);
  }

  /** Lines of these levels. */
  logged(...levels: LogLevel[]): string[] {
    return this.lines.filter(({ level }) => levels.includes(level)).map(({ message }) => message);
  }

  /** Resolves with the first status, past or to come, that is as described. */
  async status(what: string, accept: (status: AdsStatus) => boolean, from = 0): Promise<AdsStatus> {
    const deadline = Promise.withResolvers<never>();
    const cap = setTimeout(() => deadline.reject(new Error(`No status ${what}, but '${this.states}'`)), CAP_MS);
    try {
      for (;;) {
        const found = this.statuses.slice(from).find(accept);
        if (found !== undefined) return found;
        const woken = Promise.withResolvers<void>();
        this.#waiters.add(woken.resolve);
        await Promise.race([woken.promise, deadline.promise]);
        this.#waiters.delete(woken.resolve);
      }
    } finally {
      clearTimeout(cap);
    }
  }

  connected(from = 0): Promise<AdsStatus> {
    return this.status("connected", ({ state }) => state === "connected", from);
  }

  async waiting(from = 0): Promise<AdsStatus & { state: "waiting" }> {
    return await this.status("waiting", ({ state }) => state === "waiting", from) as AdsStatus & { state: "waiting" };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await this.registry.idle();
    assert.deepEqual(this.registry.snapshot(), { socket: 0, server: 0, timer: 0, channel: 0 });
    assert.equal(this.source.listeners, 0);
    assert.equal(this.client.status.state, "closed");
  }
}
