/**
 * A program's place in the mesh.
 *
 * @module
 */
import { loadBootstrap, meshEnabled } from "./bootstrap/bootstrap.ts";
import type { JoinOptions } from "./bootstrap/join_options.ts";
import { findSidecar, sidecarPresent } from "./bootstrap/sidecar_guard.ts";
import { MeshError } from "./errors.ts";
import type { Fetch } from "./fetch.ts";
import { type FilterHandle, unusedFilter } from "./filter/filter_handle.ts";
import type { MeshFilter } from "./filter/mesh_filter.ts";
import type { ReadyFilter } from "./filter/ready_filter.ts";
import type { GrpcChannelOptions } from "./grpc/channel_options.ts";
import { loadGrpc } from "./grpc/control_channel.ts";
import { DeferredChannel } from "./grpc/deferred_channel.ts";
import type { MeshGrpcChannel } from "./grpc/mesh_grpc_channel.ts";
import type { IdentityView } from "./identity/secret_manager.ts";
import { AdjustableLogger } from "./internal/adjustable_logger.ts";
import { systemClock } from "./internal/clock.ts";
import { lineLogger } from "./internal/line_logger.ts";
import type { Logger } from "./internal/logger.ts";
import type { GrpcServices } from "./grpc/service_server.ts";
import { serveGrpcInMesh, serveGrpcPlainly } from "./mesh_grpc_server.ts";
import { MeshRuntime } from "./mesh_runtime.ts";
import { type MeshSnapshot, meshSnapshot } from "./mesh_snapshot.ts";
import { serveInMesh, servePlainly } from "./mesh_server.ts";
import { serveArguments } from "./serve.ts";
import type { MeshServeGrpcOptions } from "./serve_grpc_options.ts";
import type { MeshServeHandler, MeshServeObject, MeshServeOptions, MeshServer } from "./serve_handler.ts";
import { createConnector } from "./transport/connector.ts";
import { plainUpgrade, plainWebSocket } from "./transport/plain_web_socket.ts";
import { HandleRegistry } from "./transport/handle_registry.ts";
import type { MeshUpgradeOptions, MeshWebSocketUpgrade } from "./upgrade_web_socket.ts";
import type { MeshWebSocketInit } from "./web_socket.ts";

/** How {@linkcode Mesh.close} ends. */
export interface CloseOptions {
  /**
   * Milliseconds that requests under way may take to finish; 0 ends them at once.
   * @default {`terminationDrainDuration` of ProxyConfig, 5000}
   */
  drain?: number;
}

/**
 * A program's place in the mesh: `fetch` and `serve` whose traffic has the workload's identity, is routed by the mesh,
 * and shows in its metrics.
 *
 * @example Join, call, serve
 * ```ts
 * import { Mesh } from "@enmesh/enmesh";
 * import { FakeIstiod } from "@enmesh/enmesh/testing";
 * import assert from "node:assert/strict";
 *
 * await using istiod = await FakeIstiod.start(); // in a pod: nothing of this, Mesh.join() finds istiod by itself
 * await using mesh = await Mesh.join(await istiod.workload({ name: "greeter" }));
 * await using server = await mesh.serve(
 *   { port: 0, hostname: "127.0.0.1", onListen: () => {} },
 *   (_request, info) => new Response(`hello, ${info.peer?.principal ?? "stranger"}`),
 * );
 * const response = await mesh.fetch(`http://127.0.0.1:${server.addr.port}/`);
 * assert.equal(await response.text(), "hello, stranger");
 * ```
 */
export class Mesh implements AsyncDisposable {
  readonly #runtime: MeshRuntime | null;
  readonly #logger: Logger;
  readonly #servers = new Set<MeshServer>();
  readonly #fetch: Fetch;

  private constructor(runtime: MeshRuntime | null, logger: Logger) {
    this.#runtime = runtime;
    this.#logger = logger;
    this.#fetch = runtime?.fetch ?? ((input, init) => fetch(input, init));
  }

  /**
   * Joins the mesh: an identity from its CA, the first complete configuration from its control plane. Resolves when
   * both are there. While istiod cannot be reached it is tried again, with a log line, until `signal` says stop.
   *
   * @param options Everything has a default; see {@linkcode JoinOptions}.
   * @throws {MeshError} With every problem found: `CONFIG_INVALID` for settings, files and variables,
   * `IDENTITY_REJECTED` when istiod refuses who we are, `SIDECAR_PRESENT` beside a sidecar, `PERMISSION_MISSING`.
   */
  static async join(options: JoinOptions = {}): Promise<Mesh> {
    const clock = systemClock;
    // What a logger of the application's own leaves out is its own decision.
    const logger = options.logger === undefined
      ? new AdjustableLogger(lineLogger({ level: "debug", now: () => clock.now() }), "info")
      : new AdjustableLogger(options.logger, "trace");
    if (!meshEnabled(options)) return new Mesh(null, logger);
    options.signal?.throwIfAborted();
    const bootstrap = await loadBootstrap(options);
    if (!bootstrap.besideSidecar) {
      const registry = new HandleRegistry();
      if (await findSidecar(createConnector({ registry, clock })) === "present") throw sidecarPresent();
      await registry.idle();
    }
    const runtime = new MeshRuntime({ bootstrap, logger, clock, random: Math.random });
    await runtime.join(options.signal ?? null);
    return new Mesh(runtime, logger);
  }

  /**
   * `fetch` through the mesh: the contract of the global one, and it can be handed on detached. A request that fails
   * inside of the mesh resolves with the response a sidecar would give (503, 504, 404), whose body says what happened.
   */
  get fetch(): Fetch {
    return this.#fetch;
  }

  /**
   * A channel for stubs of `@grpc/grpc-js` 1.14: any generated client joins the mesh through `channelOverride`. Each call
   * is routed on its own: virtual host and route by path and metadata, weighted clusters, an endpoint per call, timeouts,
   * retries. Connections belong to the mesh: closing the stub ends this channel and nothing else.
   *
   * Call credentials leave on mutual TLS only: a call that would take them to a workload outside of the mesh ends with
   * `PERMISSION_DENIED`. A call with `waitForReady` is tried again while the mesh has no server for it, until its
   * deadline.
   *
   * Without a mesh (`enabled: false`) it is a channel of `@grpc/grpc-js` itself, in plaintext.
   *
   * @param target `host:port`, also behind `dns:///`; `host` is port 80. A Service of the mesh, or whatever it routes.
   * @param options Channel options, which a stub with `channelOverride` does not hand on.
   * @throws {TypeError} For a target or an option that cannot be used.
   *
   * @example A stub in the mesh
   * ```ts
   * import { Mesh } from "@enmesh/enmesh";
   * import { FakeIstiod } from "@enmesh/enmesh/testing";
   * import { Client, credentials, status } from "@grpc/grpc-js";
   * import assert from "node:assert/strict";
   * import { Buffer } from "node:buffer";
   *
   * // A generated client is such a class, with a method for each call.
   * class GreeterClient extends Client {
   *   greet(name: string): Promise<string> {
   *     const bytes = (text: string) => Buffer.from(text);
   *     return new Promise((resolve, reject) => {
   *       this.makeUnaryRequest("/greeter.Greeter/Greet", bytes, String, name, (error, greeting) => {
   *         if (error === null) resolve(greeting!);
   *         else reject(error);
   *       });
   *     });
   *   }
   * }
   *
   * await using istiod = await FakeIstiod.start();
   * await using mesh = await Mesh.join(istiod.workload({ name: "client" }));
   * const greeter = new GreeterClient("greeter:50051", credentials.createInsecure(), {
   *   channelOverride: mesh.grpcChannel("greeter:50051"),
   * });
   * // No one has deployed the greeter: the status is what a sidecar gives, its details say what to check.
   * await assert.rejects(greeter.greet("you"), { code: status.UNAVAILABLE });
   * greeter.close();
   * ```
   */
  grpcChannel(target: string, options: GrpcChannelOptions = {}): MeshGrpcChannel {
    return this.#runtime?.grpcChannel(target, options) ?? new DeferredChannel(target, options, loadGrpc);
  }

  /**
   * Serves HTTP as `Deno.serve` does, under the mesh's rules: mutual TLS, plaintext or both as the mesh says, live.
   *
   * @param handler Answers requests; `info.peer` is who calls.
   * @throws {MeshError} When the port cannot be bound, or the mesh was closed.
   */
  serve(handler: MeshServeHandler): Promise<MeshServer>;
  /** Serves HTTP with options and a handler. */
  serve(options: MeshServeOptions, handler: MeshServeHandler): Promise<MeshServer>;
  /** Serves HTTP with a handler among the options, or an object with a `fetch` method. */
  serve(options: MeshServeOptions & ({ handler: MeshServeHandler } | MeshServeObject)): Promise<MeshServer>;
  async serve(
    first: MeshServeHandler | MeshServeOptions & Partial<MeshServeObject> & { handler?: MeshServeHandler },
    second?: MeshServeHandler,
  ): Promise<MeshServer> {
    const { options, handler } = serveArguments(first, second);
    const server = this.#runtime === null
      ? servePlainly(options, handler)
      : await serveInMesh(this.#runtime, options, handler, this.#logger);
    return this.#keep(server);
  }

  /**
   * Serves gRPC with services and handlers written for `@grpc/grpc-js`, under the mesh's rules as {@linkcode Mesh.serve}
   * does. {@linkcode grpcPeer} tells a handler who calls. Without a mesh (`enabled: false`) the same is served in
   * plaintext, to clients that speak HTTP/2 by prior knowledge.
   *
   * @param options Where to listen, and limits.
   * @param register Adds the services; what it throws is thrown, and nothing listens then.
   * @throws {MeshError} When the port cannot be bound, or the mesh was closed; `PERMISSION_MISSING` when `@grpc/grpc-js`
   * may not read its environment variables.
   */
  async serveGrpc(
    options: MeshServeGrpcOptions,
    register: (server: GrpcServices) => void | Promise<void>,
  ): Promise<MeshServer> {
    return this.#keep(
      this.#runtime === null
        ? await serveGrpcPlainly(options, register, this.#logger)
        : await serveGrpcInMesh(this.#runtime, options, register, this.#logger),
    );
  }

  #keep(server: MeshServer): MeshServer {
    this.#servers.add(server);
    void server.finished.then(() => this.#servers.delete(server));
    return server;
  }

  /**
   * Opens a WebSocket through the mesh: the object of the web standards, over a connection that has the workload's
   * identity, is routed as a request is, and is counted when it ends. A failure is an `error` event whose message says
   * what happened, and a `close` event with 1006.
   *
   * @param url With `ws:` or `http:`; `wss:` and `https:` are TLS of the application's own, for hosts outside of the mesh.
   * @param options Sub-protocols, or an object with those, headers and a signal.
   * @throws {DOMException} `SyntaxError` for a URL or sub-protocol that is not valid.
   *
   * @example An echo, both ends in the mesh
   * ```ts
   * import { Mesh } from "@enmesh/enmesh";
   * import { FakeIstiod } from "@enmesh/enmesh/testing";
   * import assert from "node:assert/strict";
   *
   * await using istiod = await FakeIstiod.start();
   * await using mesh = await Mesh.join(await istiod.workload({ name: "echo" }));
   * await using server = await mesh.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
   *   const { socket, response } = mesh.upgradeWebSocket(request);
   *   socket.onmessage = (event) => socket.send(event.data);
   *   return response;
   * });
   * const socket = mesh.webSocket(`ws://127.0.0.1:${server.addr.port}/`);
   * socket.onopen = () => socket.send("hello");
   * const { data } = await new Promise<MessageEvent>((resolve) => socket.onmessage = resolve);
   * assert.equal(data, "hello");
   * socket.close(1000);
   * await new Promise((resolve) => socket.onclose = resolve);
   * ```
   */
  webSocket(url: string | URL, options: string | readonly string[] | MeshWebSocketInit = {}): WebSocket {
    if (this.#runtime !== null) return this.#runtime.webSocket(url, options);
    const list = typeof options === "string" || Array.isArray(options);
    return plainWebSocket(url, list ? { protocols: options as string | string[] } : options as MeshWebSocketInit);
  }

  /**
   * Turns a request of {@linkcode Mesh.serve} into a WebSocket, as `Deno.upgradeWebSocket` does for `Deno.serve`: the
   * handler returns the response as it is, then the socket opens. It is closed with 1001 when the server shuts down.
   *
   * @param request The request the handler was given.
   * @param options Sub-protocol, time without a sign of life, and the longest message.
   * @throws {TypeError} When the request asks for no upgrade, was upgraded before, or is none of `mesh.serve`. A malformed
   * handshake throws too; the client is then answered with 400 or 426.
   *
   * @example A socket that tells its client who it is
   * ```ts
   * import { Mesh } from "@enmesh/enmesh";
   * import { FakeIstiod } from "@enmesh/enmesh/testing";
   * import assert from "node:assert/strict";
   *
   * await using istiod = await FakeIstiod.start();
   * await using mesh = await Mesh.join(await istiod.workload({ name: "greeter" }));
   * await using server = await mesh.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request, info) => {
   *   if (request.headers.get("upgrade") !== "websocket") return new Response("a WebSocket, please", { status: 426 });
   *   const { socket, response } = mesh.upgradeWebSocket(request, { idleTimeout: 60 });
   *   socket.onopen = () => socket.send(info.peer?.principal ?? "stranger");
   *   return response;
   * });
   * const socket = new WebSocket(`ws://127.0.0.1:${server.addr.port}/`); // a client that knows nothing of the mesh
   * const { data } = await new Promise<MessageEvent>((resolve) => socket.onmessage = resolve);
   * assert.equal(data, "stranger");
   * socket.close();
   * await new Promise((resolve) => socket.onclose = resolve);
   * ```
   */
  upgradeWebSocket(request: Request, options: MeshUpgradeOptions = {}): MeshWebSocketUpgrade {
    return this.#runtime === null ? plainUpgrade(request, options) : this.#runtime.upgrades.upgrade(request, options);
  }

  /**
   * Adds a filter to the traffic of this workload: every request of `fetch`, WebSockets and gRPC channels, and every one
   * that `serve` and `serveGrpc` receive. What the application encrypts itself (`https:`) passes unseen.
   *
   * Filters run in the order of use, behind the mesh's own: what a policy of the mesh refuses reaches no filter, and no
   * filter undoes what the mesh decides. They stand next to the router (outbound) and the handler (inbound), so responses
   * pass them in the opposite order. The promise settles when the filter is in use, for a plain one at once.
   *
   * Without a mesh (`enabled: false`) there is no chain: the filter is never called, and a log line says so.
   *
   * @param filter Functions of the application, or what `componentFilter` makes.
   * @returns The way to take it out again, also by `await using`. Requests under way finish with it.
   * @throws {MeshError} `CONFIG_INVALID` when a ready-made filter cannot be loaded, `PERMISSION_MISSING` when it may not
   * be, `MESH_CLOSED` after `close`.
   *
   * @example Name who calls, and answer some requests here
   * ```ts
   * import { Mesh } from "@enmesh/enmesh";
   * import { FakeIstiod } from "@enmesh/enmesh/testing";
   * import assert from "node:assert/strict";
   *
   * await using istiod = await FakeIstiod.start();
   * await using mesh = await Mesh.join(await istiod.workload({ name: "greeter" }));
   * await using server = await mesh.serve(
   *   { port: 0, hostname: "127.0.0.1", onListen: () => {} },
   *   (request) => new Response(`hello, ${request.headers.get("x-caller")}`),
   * );
   * await using callers = await mesh.use({
   *   name: "callers",
   *   direction: "inbound",
   *   onRequest(request, call) {
   *     if (request.path === "/ping") return new Response("pong");
   *     request.headers.set("x-caller", call.peer?.serviceAccount ?? "stranger");
   *   },
   * });
   * const url = `http://127.0.0.1:${server.addr.port}`;
   * assert.equal(await (await mesh.fetch(`${url}/`)).text(), "hello, stranger");
   * assert.equal(await (await mesh.fetch(`${url}/ping`)).text(), "pong");
   * await callers.remove();
   * assert.equal(await (await mesh.fetch(`${url}/ping`)).text(), "hello, null");
   * ```
   */
  async use(filter: MeshFilter | ReadyFilter): Promise<FilterHandle> {
    if (this.#runtime !== null) return await this.#runtime.use(filter);
    this.#logger.log("warning", `Filter '${filter.name}' is not called: the mesh is switched off (enabled: false)`);
    return unusedFilter(filter.name);
  }

  /**
   * Who we are: SPIFFE id, validity and chain of the certificate in use.
   *
   * @throws {MeshError} `MESH_CLOSED` where there is no mesh (`enabled: false`).
   */
  get identity(): IdentityView {
    const identity = this.#joined("identity").secrets.identity;
    if (identity === null) throw new MeshError("MESH_CLOSED", "Cannot show the identity: there is no certificate");
    return identity;
  }

  /** The configuration as it is now, read-only. @throws {MeshError} `MESH_CLOSED` where there is no mesh. */
  get snapshot(): MeshSnapshot {
    return meshSnapshot(this.#joined("snapshot").store.current);
  }

  /** Every metric in Prometheus' text format, as `/stats/prometheus` gives them; empty where there is no mesh. */
  metrics(): string {
    return this.#runtime?.exposeMetrics() ?? "";
  }

  /** Renews the certificate now rather than at half of its lifetime; settles when that has succeeded or failed. */
  async renewCertificate(): Promise<void> {
    await this.#joined("certificate").secrets.renew();
  }

  /** Ports the status and admin interfaces listen on, by name; empty where there are none. */
  get ports(): Readonly<Record<string, number>> {
    return this.#runtime?.ports ?? {};
  }

  /** Sockets, servers, timers and channels the mesh holds open: 0 after it was closed. */
  get openHandles(): number {
    return this.#runtime?.registry.total ?? 0;
  }

  /**
   * Leaves the mesh: readiness fails first, connections are told (`Connection: close`, GOAWAY) and finish, then
   * everything ends. Nothing keeps the process alive afterwards.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    const servers = [...this.#servers];
    if (this.#runtime === null) await Promise.all(servers.map((server) => server.shutdown()));
    else await this.#runtime.close({ drain: options.drain ?? this.#runtime.bootstrap.drain.terminationMs });
  }

  /** The same as {@linkcode Mesh.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #joined(what: string): MeshRuntime {
    if (this.#runtime !== null) return this.#runtime;
    throw new MeshError("MESH_CLOSED", `Cannot show the ${what}: the mesh is switched off (enabled: false)`);
  }
}
