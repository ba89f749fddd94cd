/**
 * `mesh.serve`: the contract of `Deno.serve` over the inbound stack.
 *
 * @module
 */
import type { Call } from "./http/call.ts";
import type { HttpRequest, HttpResponse } from "./http/message.ts";
import { toWebRequest } from "./http/web/request_to_web.ts";
import { fromWebResponse } from "./http/web/response_from_web.ts";
import type { OpenSockets } from "./http/websocket/open_sockets.ts";
import type { Application } from "./inbound.ts";
import type { Logger } from "./internal/logger.ts";
import { toMeshPeer } from "./identity/mesh_peer.ts";
import type { MeshPeer, MeshServeHandler, MeshServeInfo, MeshServeObject, MeshServeOptions } from "./serve_handler.ts";
import { HandshakeError, type WebSocketUpgrades } from "./upgrade_web_socket.ts";

/** Arguments of `mesh.serve` in one form. */
export interface ServeArguments {
  readonly options: MeshServeOptions;
  readonly handler: MeshServeHandler;
}

/**
 * Brings the overloads of `Deno.serve` into one form: `(handler)`, `(options, handler)`, `({ handler, ... })`,
 * `({ fetch, ... })`.
 *
 * @throws {TypeError} When there is no handler.
 */
export function serveArguments(
  first: MeshServeHandler | MeshServeOptions & Partial<MeshServeObject> & { handler?: MeshServeHandler },
  second?: MeshServeHandler,
): ServeArguments {
  if (typeof first === "function") return { options: {}, handler: first };
  const handler = second ?? first.handler ?? first.fetch?.bind(first);
  if (typeof handler !== "function") {
    throw new TypeError(
      "Cannot serve: there is no handler; pass it as the second argument, as 'handler' of the options, or give an " +
        "object with a 'fetch' method",
    );
  }
  return { options: first, handler };
}

/** What {@linkcode webApplication} stands on. */
export interface WebApplicationOptions {
  readonly logger: Logger;
  readonly onError: MeshServeOptions["onError"];
  readonly upgrades: WebSocketUpgrades;
  /** WebSockets of this server. */
  readonly sockets: OpenSockets;
}

/** The application of a server: web objects in, web objects out. */
export function webApplication(
  handler: MeshServeHandler,
  { logger, onError, upgrades, sockets }: WebApplicationOptions,
): Application {
  const recover = async (error: unknown): Promise<Response> => {
    if (error instanceof HandshakeError) return error.response;
    if (onError !== undefined) return await onError(error);
    logger.log("error", `A handler threw: ${error instanceof Error ? error.stack ?? error.message : String(error)}`);
    return new Response("Internal Server Error", { status: 500 });
  };
  /** Of a request for an upgrade the web object shows what is hop-by-hop to everyone else, as that of `Deno.serve`. */
  const upgradable = (request: HttpRequest, call: Call, url: string, upgrade: string): Request => {
    const headers = request.headers.clone();
    headers.append("connection", "Upgrade");
    headers.append("upgrade", upgrade);
    const web = toWebRequest({ ...request, headers, body: null }, { url, signal: () => call.signal });
    upgrades.offer(web, request, call, sockets);
    return web;
  };
  const answer = async (response: Response, request: HttpRequest): Promise<HttpResponse> => {
    const message = await upgrades.accept(response, request) ?? fromWebResponse(response);
    // Refused: what the client sends behind its request interests nobody.
    if (message.status !== 101) request.body?.cancel();
    return message;
  };
  return async function application(request, call) {
    const authority = request.authority === "" ? localAuthority(call) : request.authority;
    const url = `http://${authority}${request.path === "*" ? "/*" : request.path}`;
    const { exchange } = call;
    const { upgrade } = request;
    try {
      const response = await handler(
        upgrade === undefined
          ? toWebRequest(request, { url, signal: () => call.signal })
          : upgradable(request, call, url, upgrade),
        new ServeInfo(call),
      );
      return upgrade === undefined ? fromWebResponse(response) : await answer(response, request);
    } catch (error) {
      // A caller that has gone is no failure of the handler.
      if (exchange.cancelled) throw error;
      return fromWebResponse(await recover(error));
    }
  };
}

function localAuthority(call: Call): string {
  return call.downstreamLocalAddress ?? "localhost";
}

/** Facts about a request, each made when somebody looks. */
class ServeInfo implements MeshServeInfo {
  readonly #call: Call;

  constructor(call: Call) {
    this.#call = call;
  }

  get remoteAddr(): Deno.NetAddr {
    return { transport: "tcp", ...this.#call.downstream!.remote };
  }

  get localAddr(): Deno.NetAddr {
    return { transport: "tcp", ...this.#call.downstream!.local };
  }

  get completed(): Promise<void> {
    const { exchange } = this.#call;
    return new Promise((resolve, reject) => {
      exchange.onComplete((error) => error === null ? resolve() : reject(error));
    });
  }

  get peer(): MeshPeer | null {
    const peer = this.#call.downstream?.tls?.peer ?? null;
    return peer === null ? null : toMeshPeer(peer);
  }
}
