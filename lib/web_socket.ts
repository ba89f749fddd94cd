/**
 * `mesh.webSocket`: the contract of `WebSocket` over the outbound stack.
 *
 * @module
 */
import type { FetchClient } from "./fetch.ts";
import { readAll } from "./http/body.ts";
import { Call } from "./http/call.ts";
import { Exchange } from "./http/exchange.ts";
import { HeaderList } from "./http/header_list.ts";
import type { HttpResponse } from "./http/message.ts";
import { FetchUrls } from "./http/web/fetch_url.ts";
import { acceptOf, isProtocolName, newHandshakeKey, VERSION } from "./http/websocket/handshake.ts";
import { WEB_SOCKET_LIMITS } from "./http/websocket/limits.ts";
import { MeshWebSocket } from "./http/websocket/mesh_web_socket.ts";
import type { OpenSockets } from "./http/websocket/open_sockets.ts";
import type { Clock } from "./internal/clock.ts";

/** Options of `mesh.webSocket`. */
export interface MeshWebSocketInit {
  /**
   * Names of sub-protocols, the preferred first; the server chooses one or none.
   * @default {[]}
   */
  protocols?: string | readonly string[];
  /** Headers of the handshake request; those of the handshake itself and of the connection cannot be set. */
  headers?: HeadersInit;
  /** Gives up connecting when aborted; closes an open socket with 1000. */
  signal?: AbortSignal;
  /**
   * Most bytes of a message from the server; a longer one ends the socket with 1009.
   * @default {67108864} 64 MiB
   */
  maxMessageBytes?: number;
}

/** What {@linkcode createWebSocket} stands on. */
export interface WebSocketOptions {
  readonly clock: Clock;
  readonly client: Pick<FetchClient, "send">;
  readonly sockets: OpenSockets;
}

/** Makes a WebSocket that connects through the mesh. */
export type CreateWebSocket = (url: string | URL, init?: string | readonly string[] | MeshWebSocketInit) => WebSocket;

/** Most bytes of an answer that are shown when it refuses the upgrade. */
const MAX_SHOWN_BYTES = 2048;

/** Fields of the handshake and of the connection: the caller cannot set them. */
const OWN_FIELDS = new Set([
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "proxy-connection",
  "sec-websocket-accept",
  "sec-websocket-extensions",
  "sec-websocket-key",
  "sec-websocket-protocol",
  "sec-websocket-version",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Makes the function behind `mesh.webSocket`. */
export function createWebSocket({ clock, client, sockets }: WebSocketOptions): CreateWebSocket {
  const urls = new FetchUrls();
  return function webSocket(given, init = {}) {
    const options: MeshWebSocketInit = typeof init === "string" || isList(init) ? { protocols: init } : init;
    const shown = readUrl(given);
    const protocols = checkProtocols(options.protocols ?? []);
    const exchange = new Exchange();
    const socket = new MeshWebSocket({
      role: "client",
      url: shown.href,
      clock,
      limits: { ...WEB_SOCKET_LIMITS, maxMessageBytes: options.maxMessageBytes ?? WEB_SOCKET_LIMITS.maxMessageBytes },
      idleTimeoutMs: 0,
      abort: (reason) => exchange.cancel(reason),
    });
    const url = urls.read(shown.href.replace(/^ws/, "http"));
    const key = newHandshakeKey();
    const { headers, authority } = handshakeHeaders(options.headers, key, protocols);
    if (url.authorization !== null && !headers.has("authorization")) headers.append("authorization", url.authorization);
    const request = {
      method: "GET",
      scheme: url.protocol === "https:" ? "https" : "http",
      authority: authority ?? url.authority,
      path: url.path,
      headers,
      body: socket.connection.outgoing,
      protocol: "HTTP/1.1" as const,
      upgrade: "websocket",
    };
    sockets.add(socket);
    followSignal(socket, options.signal ?? null, exchange);
    const call = new Call({ direction: "outbound", startTime: clock.now(), request, exchange, downstream: null });
    client.send(url, request, call)
      .then((response) => finishHandshake(socket, response, key, protocols))
      .catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error);
        socket.connection.fail(`Cannot open the WebSocket to '${shown.href}': ${why}`);
      });
    return socket;
  };
}

function isList(init: readonly string[] | MeshWebSocketInit): init is readonly string[] {
  return Array.isArray(init);
}

/** The URL as the standard reads it. @throws {DOMException} `SyntaxError`. */
function readUrl(given: string | URL): URL {
  let url: URL;
  try {
    url = new URL(given);
  } catch {
    throw new DOMException(`Cannot open a WebSocket: '${given}' is not a URL`, "SyntaxError");
  }
  if (url.protocol === "http:") url.protocol = "ws:";
  else if (url.protocol === "https:") url.protocol = "wss:";
  if (url.protocol !== "ws:" && url.protocol !== "wss:") {
    throw new DOMException(
      `Cannot open a WebSocket to '${url.href}': the scheme must be ws, wss, http or https`,
      "SyntaxError",
    );
  }
  if (url.hash !== "" || url.href.endsWith("#")) {
    throw new DOMException(`Cannot open a WebSocket to '${url.href}': the URL has a fragment`, "SyntaxError");
  }
  return url;
}

/** @throws {DOMException} `SyntaxError` for a name that is no token or occurs twice. */
function checkProtocols(given: string | readonly string[]): readonly string[] {
  const protocols = typeof given === "string" ? [given] : given.map(String);
  const seen = new Set<string>();
  for (const name of protocols) {
    if (!isProtocolName(name)) {
      throw new DOMException(`Cannot open a WebSocket: the sub-protocol '${name}' is not a token`, "SyntaxError");
    }
    if (seen.has(name)) {
      throw new DOMException(`Cannot open a WebSocket: the sub-protocol '${name}' is named twice`, "SyntaxError");
    }
    seen.add(name);
  }
  return protocols;
}

function handshakeHeaders(
  given: HeadersInit | undefined,
  key: string,
  protocols: readonly string[],
): { headers: HeaderList; authority: string | null } {
  const headers = new HeaderList();
  let authority: string | null = null;
  new Headers(given).forEach((value, name) => {
    if (name === "host") authority = value;
    else if (!OWN_FIELDS.has(name)) headers.append(name, value);
  });
  if (!headers.has("user-agent")) headers.append("user-agent", `Deno/${Deno.version.deno}`);
  headers.append("sec-websocket-version", VERSION);
  headers.append("sec-websocket-key", key);
  if (protocols.length > 0) headers.append("sec-websocket-protocol", protocols.join(", "));
  return { headers, authority };
}

function followSignal(socket: MeshWebSocket, signal: AbortSignal | null, exchange: Exchange): void {
  if (signal === null) return;
  const abort = () => socket.close(socket.readyState === socket.OPEN ? 1000 : undefined);
  if (signal.aborted) return abort();
  signal.addEventListener("abort", abort);
  exchange.onComplete(() => signal.removeEventListener("abort", abort));
}

/**
 * Opens the socket where the server has agreed as RFC 6455 section 4.1 demands.
 *
 * @throws {Error} Saying what was answered instead.
 */
async function finishHandshake(
  socket: MeshWebSocket,
  response: HttpResponse,
  key: string,
  protocols: readonly string[],
): Promise<void> {
  const { headers, body } = response;
  if (response.status !== 101 || body === null) {
    throw new Error(`It was answered with '${response.status}'${await shownBody(response)}`);
  }
  try {
    if (headers.get("sec-websocket-accept") !== await acceptOf(key)) {
      throw new Error("The server's 'sec-websocket-accept' does not answer the key of the handshake");
    }
    if (headers.has("sec-websocket-extensions")) {
      throw new Error("The server wants extensions, though none was offered");
    }
    const chosen = headers.getAll("sec-websocket-protocol");
    if (chosen.length > 1 || (chosen.length === 1 && !protocols.includes(chosen[0]!))) {
      throw new Error(`The server chose the sub-protocol '${chosen.join(", ")}', which was not offered`);
    }
    socket.setProtocol(chosen[0] ?? "");
  } catch (error) {
    body.cancel(error);
    throw error;
  }
  socket.connection.open(body);
}

/** What the answer says, for people: the mesh's own ones tell what happened and what to check. */
async function shownBody({ body }: HttpResponse): Promise<string> {
  const bytes = await readAll(body, MAX_SHOWN_BYTES).catch(() => null);
  const text = bytes === null ? "" : new TextDecoder().decode(bytes).trim();
  return text === "" ? "" : `: ${text}`;
}
