import { createServer, type Server, type Socket } from "node:net";
import { BytesBody, readAll } from "../../../lib/http/body.ts";
import type { Exchange } from "../../../lib/http/exchange.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { serveHttp2 } from "../../../lib/http/http2/server_connection.ts";
import type { HttpRequest, HttpResponse } from "../../../lib/http/message.ts";
import { systemClock } from "../../../lib/internal/clock.ts";
import { silentLogger } from "../../../lib/internal/logger.ts";
import { nodeSocketStream } from "../../support/node_socket_stream.ts";
import { BACKENDS } from "./case.ts";
import { delay, parseStep, type ScriptStep } from "./script.ts";
import { echoWebSocket } from "./echo_web_socket.ts";
import { wireHead, WireReader } from "./http1.ts";
import type { Attempt } from "./outcome.ts";

/** Names the request to the backends; the value says the side too, so it is taken out of what is compared. */
export const ID_HEADER = "x-differential";
/** Carries `CaseRequest.script`, attempts with `;` between. */
export const SCRIPT_HEADER = "x-script";
/** Carries `CaseRequest.mirrorScript`. */
export const MIRROR_SCRIPT_HEADER = "x-mirror-script";

/** Settles when a chunk of the response to a request may be sent. */
export type ResponseGate = (id: string, chunk: number) => Promise<void>;

/** Servers on loopback that note what arrives and do what the request says. */
export class Backends implements AsyncDisposable {
  /** Ports by name. */
  readonly ports: Record<string, number> = {};
  readonly #attempts = new Map<string, Attempt[]>();
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #end = new AbortController();

  readonly #gate: ResponseGate;

  private constructor(gate: ResponseGate) {
    this.#gate = gate;
  }

  /** Starts one for each name of {@linkcode BACKENDS}; `dead` gets a port where nobody listens. */
  static async start(gate: ResponseGate = () => Promise.resolve()): Promise<Backends> {
    const backends = new Backends(gate);
    for (const name of BACKENDS) {
      if (name === "dead") continue;
      const http2 = name === "h2" || name === "refusing";
      const server = createServer({ allowHalfOpen: http2 }, (socket) => {
        backends.#sockets.add(socket);
        socket.on("close", () => backends.#sockets.delete(socket));
        if (name === "refusing") refuseInPlaceOfReset(socket);
        if (http2) backends.#serveHttp2(name, socket);
        else if (name === "mute") socket.resume().on("error", () => {});
        else void backends.#serve(name, socket);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      backends.#servers.push(server);
      backends.ports[name] = (server.address() as { port: number }).port;
    }
    // Not one that is free now: the listeners of Envoy, on ports of the system's choice, might get it.
    backends.ports.dead = 1;
    return backends;
  }

  /** What has arrived of a request so far: mirrored copies last. */
  attempts(id: string): readonly Attempt[] {
    const all = this.#attempts.get(id) ?? [];
    return [...all.filter((attempt) => !isMirror(attempt)), ...all.filter(isMirror).sort(byBackend)];
  }

  async #serve(name: string, socket: Socket): Promise<void> {
    const reader = new WireReader(socket);
    for (;;) {
      const message = await reader.next();
      if (message === null) break;
      const [method = "", path = ""] = message.startLine.split(" ");
      const field = (wanted: string) => message.headers.find(([known]) => known === wanted)?.[1];
      const attempt: Attempt = {
        backend: name,
        method,
        path,
        authority: field("host") ?? "",
        headers: message.headers.filter(([known]) => known !== ID_HEADER && known !== "host"),
        body: message.body,
        at: performance.now(),
      };
      const id = field(ID_HEADER) ?? "";
      const step = this.#note(id, attempt, field(SCRIPT_HEADER), field(MIRROR_SCRIPT_HEADER));
      if (field("sec-websocket-key") !== undefined) {
        return echoWebSocket(socket, reader, name, message.headers, () => delay(step, this.#end.signal));
      }
      if (!await answer(socket, attempt, step, this.#end.signal, (chunk) => this.#gate(id, chunk))) return;
    }
    socket.end();
  }

  /** By the codec of enmesh, which tests of its own hold against real peers. */
  #serveHttp2(name: string, socket: Socket): void {
    const handler = async (request: HttpRequest, exchange: Exchange) => {
      const { pairs } = request.headers;
      const headers = pairs.flatMap((known, at): [string, string][] => at % 2 === 0 ? [[known, pairs[at + 1]!]] : []);
      const content = request.body === null ? null : await readAll(request.body);
      const trailers = request.body?.trailers?.pairs ?? [];
      const attempt: Attempt = {
        backend: name,
        method: request.method,
        path: request.path,
        authority: request.authority,
        headers: [
          [":scheme", request.scheme],
          ...headers.filter(([known]) => known !== ID_HEADER),
          ...trailers.flatMap((known, at): [string, string][] =>
            at % 2 === 0 ? [[`trailer ${known}`, trailers[at + 1]!]] : []
          ),
        ],
        body: content === null ? "" : new TextDecoder("latin1").decode(content),
        at: performance.now(),
      };
      const field = (name: string) => request.headers.get(name);
      const step = this.#note(field(ID_HEADER) ?? "", attempt, field(SCRIPT_HEADER), field(MIRROR_SCRIPT_HEADER));
      return answerHttp2(attempt, step, exchange, this.#end.signal);
    };
    serveHttp2(nodeSocketStream(socket), handler, { clock: systemClock, logger: silentLogger });
  }

  #note(id: string, attempt: Attempt, script = "200", mirrorScript = "200"): ScriptStep {
    let all = this.#attempts.get(id);
    if (all === undefined) this.#attempts.set(id, all = []);
    const count = all.filter((attempt) => !isMirror(attempt)).length;
    all.push(attempt);
    if (isMirror(attempt)) return parseStep(mirrorScript);
    const steps = script.split(";");
    return parseStep(steps[Math.min(count, steps.length - 1)]!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await Promise.all([...this.#sockets].map((socket) =>
      new Promise((resolve) => {
        socket.once("close", resolve);
        socket.destroy();
      })
    ));
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

function isMirror({ authority, headers }: Attempt): boolean {
  return /-shadow(:\d+)?$/.test(authority) || headers.some(([name]) => name === "x-envoy-internal");
}

function byBackend(a: Attempt, b: Attempt): number {
  return a.backend < b.backend ? -1 : a.backend > b.backend ? 1 : 0;
}

/** The codec of enmesh refuses only what is above its limits: what it cancels is refused on the wire. */
function refuseInPlaceOfReset(socket: Socket): void {
  const write = socket.write.bind(socket);
  socket.write = (bytes: Uint8Array | string, ...rest: never[]) => {
    if (bytes instanceof Uint8Array) {
      // Whole frames: RST_STREAM with the code CANCEL.
      for (let at = 0; at + 13 <= bytes.length; at += 9 + (bytes[at + 1]! << 8) + bytes[at + 2]!) {
        if (bytes[at + 3] === 3 && bytes[at + 12] === 8) bytes = bytes.with(at + 12, 7);
      }
    }
    return write(bytes, ...rest);
  };
}

/** Does one step of a script over HTTP/1.1. Returns whether the connection goes on. */
async function answer(
  socket: Socket,
  { backend, method }: Attempt,
  step: ScriptStep,
  signal: AbortSignal,
  gate: (chunk: number) => Promise<void>,
): Promise<boolean> {
  if (step.ending === "reset") {
    socket.destroy();
    return false;
  }
  await delay(step, signal);
  if (socket.destroyed) return false;
  const { status, ending } = step;
  const body = ending === "empty" ? "" : backend;
  const headers: (readonly [string, string])[] = [["x-backend", backend], ...step.headers];
  if (step.chunks.length > 0) {
    socket.write(wireHead(`HTTP/1.1 ${status} Scripted`, [...headers, ["transfer-encoding", "chunked"]]), "latin1");
    for (const [index, chunk] of step.chunks.entries()) {
      await gate(index);
      socket.write(`${chunk.length.toString(16)}\r\n${chunk}\r\n`, "latin1");
    }
    await gate(step.chunks.length);
    socket.write("0\r\n\r\n", "latin1");
    return !socket.destroyed;
  }
  const bodiless = method === "HEAD" || status === 204 || status === 304;
  const missing = ending === "cut" ? 10 : 0;
  if (!bodiless) headers.push(["content-length", String(body.length + missing)]);
  socket.write(wireHead(`HTTP/1.1 ${status} Scripted`, headers) + (bodiless ? "" : body), "latin1");
  if (missing > 0) socket.end();
  return missing === 0;
}

/** Does one step of a script over HTTP/2. */
async function answerHttp2(
  { backend, method }: Attempt,
  step: ScriptStep,
  exchange: Exchange,
  signal: AbortSignal,
): Promise<HttpResponse> {
  if (step.ending === "reset") exchange.cancel(new Error("A reset that the script wants"));
  await delay(step, signal);
  const content = step.ending === "empty" || method === "HEAD" ? "" : backend;
  const trailers = step.trailers.length === 0 ? null : new HeaderList([...step.trailers]);
  return {
    status: step.status,
    headers: new HeaderList(["x-backend", backend, ...step.headers.flat()]),
    body: content === "" && trailers === null ? null : new BytesBody(new TextEncoder().encode(content), trailers),
  };
}
