/**
 * `mesh.upgradeWebSocket`: the contract of `Deno.upgradeWebSocket` over the inbound stack.
 *
 * @module
 */
import type { Call } from "./http/call.ts";
import { HeaderList } from "./http/header_list.ts";
import type { HttpRequest, HttpResponse } from "./http/message.ts";
import { acceptOf, isHandshakeKey, isProtocolName, readProtocols, VERSION } from "./http/websocket/handshake.ts";
import { WEB_SOCKET_LIMITS } from "./http/websocket/limits.ts";
import { MeshWebSocket } from "./http/websocket/mesh_web_socket.ts";
import type { OpenSockets } from "./http/websocket/open_sockets.ts";
import type { Clock } from "./internal/clock.ts";

/** Options of `mesh.upgradeWebSocket`. */
export interface MeshUpgradeOptions {
  /** Sub-protocol to go on with: one of those the client offered. @default {none} */
  protocol?: string;
  /**
   * Seconds without a byte from the client after which it is taken for dead: asked with a ping at half of it, closed with
   * 1001 at the whole of it. 0 switches it off.
   * @default {30}
   */
  idleTimeout?: number;
  /**
   * Most bytes of a message from the client; a longer one ends the socket with 1009.
   * @default {67108864} 64 MiB
   */
  maxMessageBytes?: number;
}

/** What `mesh.upgradeWebSocket` gives. */
export interface MeshWebSocketUpgrade {
  /** Opens once the response was returned from the handler. */
  readonly socket: WebSocket;
  /** What the handler must return, as it is. */
  readonly response: Response;
}

/**
 * The client's handshake is malformed. Where it leaves the handler, the client is answered with `status` instead of 500.
 */
export class HandshakeError extends TypeError {
  /** 400, or 426 for another version of the protocol. */
  readonly status: number;

  /** @param status 400 or 426. @param message What is wrong. */
  constructor(status: number, message: string) {
    super(message);
    this.name = "HandshakeError";
    this.status = status;
  }

  /** The answer of RFC 6455 section 4.2.2. */
  get response(): Response {
    const headers = { "sec-websocket-version": VERSION, ...(this.status === 426 ? { upgrade: "websocket" } : {}) };
    return new Response(this.message, { status: this.status, headers });
  }
}

/** A request that asks for an upgrade, as its handler sees it. */
interface Upgradable {
  readonly request: HttpRequest;
  readonly call: Call;
  readonly sockets: OpenSockets;
  used: boolean;
}

/** An upgrade whose response the handler is to return. */
interface Accepted {
  readonly upgradable: Upgradable;
  readonly socket: MeshWebSocket;
  readonly key: string;
}

/** Remembers which requests of a mesh's servers can be upgraded, and which responses upgrade them. */
export class WebSocketUpgrades {
  readonly #clock: Clock;
  readonly #requests = new WeakMap<Request, Upgradable>();
  readonly #responses = new WeakMap<Response, Accepted>();

  /** @param clock Time, for pings and the close handshake. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes the web object that a handler gets for a request with `upgrade`. */
  offer(web: Request, request: HttpRequest, call: Call, sockets: OpenSockets): void {
    this.#requests.set(web, { request, call, sockets, used: false });
  }

  /**
   * See `Mesh.upgradeWebSocket`.
   *
   * @throws {TypeError} When the request cannot be upgraded.
   */
  upgrade(web: Request, options: MeshUpgradeOptions = {}): MeshWebSocketUpgrade {
    const upgradable = this.#requests.get(web);
    if (upgradable === undefined) throw notUpgradable(web);
    const { request, call } = upgradable;
    if (upgradable.used) throw new TypeError("Cannot upgrade the request: it was upgraded before");
    const { key, protocol } = readHandshake(request, options.protocol);
    const { idleTimeout = 30, maxMessageBytes = WEB_SOCKET_LIMITS.maxMessageBytes } = options;
    upgradable.used = true;
    const socket = new MeshWebSocket({
      role: "server",
      url: web.url.replace(/^http/, "ws"),
      protocol,
      clock: this.#clock,
      limits: { ...WEB_SOCKET_LIMITS, maxMessageBytes },
      idleTimeoutMs: idleTimeout * 1000,
      abort: (reason) => call.exchange.cancel(reason),
    });
    // Whatever becomes of the request, the socket ends with it.
    call.exchange.onComplete(() => socket.connection.onCancelled(new Error("The connection is gone")));
    const response = new Response(
      "Cannot upgrade the request: return the response of mesh.upgradeWebSocket as it is, not a copy of it",
      { status: 500, headers: protocol === "" ? {} : { "sec-websocket-protocol": protocol } },
    );
    response.headers.delete("content-type");
    Object.defineProperty(response, "status", { value: 101 });
    Object.defineProperty(response, "statusText", { value: "Switching Protocols" });
    this.#responses.set(response, { upgradable, socket, key });
    return { socket, response };
  }

  /** The answer a response of {@linkcode WebSocketUpgrades.upgrade} stands for; `null` for any other response. */
  async accept(response: Response, request: HttpRequest): Promise<HttpResponse | null> {
    const accepted = this.#responses.get(response);
    if (accepted === undefined || accepted.upgradable.request !== request) return null;
    this.#responses.delete(response);
    const { socket, key, upgradable } = accepted;
    const headers = new HeaderList([...response.headers].flat());
    for (const name of ["content-type", "sec-websocket-accept", "sec-websocket-extensions"]) headers.delete(name);
    headers.append("sec-websocket-accept", await acceptOf(key));
    socket.connection.accept(request.body!);
    upgradable.sockets.add(socket);
    return { status: 101, headers, body: socket.connection.outgoing };
  }
}

function notUpgradable(web: Request): TypeError {
  const { method } = web;
  const why = web.headers.get("upgrade")?.toLowerCase() === "websocket"
    ? "it is not the request that a handler of mesh.serve was given; pass on the original one, not a copy"
    : `it is a '${method}' that asks for no upgrade to a WebSocket; look for 'upgrade: websocket' among its headers`;
  return new TypeError(`Cannot upgrade the request: ${why}`);
}

/** @throws {HandshakeError} For what RFC 6455 section 4.2.1 demands. @throws {TypeError} For a protocol not offered. */
function readHandshake({ headers, upgrade }: HttpRequest, wanted = ""): { key: string; protocol: string } {
  if (upgrade !== "websocket") {
    throw new TypeError(`Cannot upgrade the request: it asks for '${upgrade}' instead of 'websocket'`);
  }
  const version = headers.getAll("sec-websocket-version");
  if (version.length !== 1 || version[0] !== VERSION) {
    throw new HandshakeError(426, `Cannot upgrade the request: its 'sec-websocket-version' is not '${VERSION}'`);
  }
  const keys = headers.getAll("sec-websocket-key");
  if (keys.length !== 1 || !isHandshakeKey(keys[0]!)) {
    throw new HandshakeError(400, "Cannot upgrade the request: its 'sec-websocket-key' is not 16 bytes in base64");
  }
  const listed = headers.getJoined("sec-websocket-protocol");
  const offered = listed === undefined ? [] : readProtocols(listed);
  if (offered === null) {
    throw new HandshakeError(400, "Cannot upgrade the request: its 'sec-websocket-protocol' is not a list of names");
  }
  if (wanted !== "" && (!isProtocolName(wanted) || !offered.includes(wanted))) {
    throw new TypeError(
      `Cannot upgrade the request: the client did not offer the sub-protocol '${wanted}' but '${offered.join(", ")}'`,
    );
  }
  return { key: keys[0]!, protocol: wanted };
}
