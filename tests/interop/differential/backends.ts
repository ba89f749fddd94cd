import { createServer, type Server, type Socket } from "node:net";
import { BACKENDS } from "./case.ts";
import { wireHead, WireReader } from "./http1.ts";
import type { Attempt } from "./outcome.ts";

/** Names the request to the backends; the value says the side too, so it is taken out of what is compared. */
export const ID_HEADER = "x-differential";
/** Carries `CaseRequest.script`, attempts with `;` between. */
export const SCRIPT_HEADER = "x-script";

/** Servers on loopback that note what arrives and do what the request says. */
export class Backends implements AsyncDisposable {
  /** Ports by name. */
  readonly ports: Record<string, number> = {};
  readonly #attempts = new Map<string, Attempt[]>();
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor() {}

  /** Starts one for each name of {@linkcode BACKENDS}; `dead` gets a port where nobody listens. */
  static async start(): Promise<Backends> {
    const backends = new Backends();
    for (const name of BACKENDS) {
      if (name === "dead") continue;
      const server = createServer((socket) => void backends.#serve(name, socket));
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
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
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
      };
      const step = this.#note(field(ID_HEADER) ?? "", attempt, field(SCRIPT_HEADER));
      if (!await answer(socket, attempt, step)) return;
    }
    socket.end();
  }

  #note(id: string, attempt: Attempt, script: string | undefined): string {
    let all = this.#attempts.get(id);
    if (all === undefined) this.#attempts.set(id, all = []);
    const count = all.filter((attempt) => !isMirror(attempt)).length;
    all.push(attempt);
    if (script === undefined || isMirror(attempt)) return "200";
    const steps = script.split(";");
    return steps[Math.min(count, steps.length - 1)]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
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

/** Does one step of a script. Returns whether the connection goes on. */
async function answer(socket: Socket, { backend, method }: Attempt, step: string): Promise<boolean> {
  let status = 200;
  let body = backend;
  let cut = false;
  const headers: [string, string][] = [["x-backend", backend]];
  for (const word of step.split(" ")) {
    const equals = word.indexOf("=");
    if (equals > 0) headers.push([word.slice(0, equals), word.slice(equals + 1)]);
    else if (word === "reset") {
      socket.destroy();
      return false;
    } else if (word === "cut") cut = true;
    else if (word === "empty") body = "";
    else if (word.startsWith("delay:")) await new Promise((resolve) => setTimeout(resolve, Number(word.slice(6))));
    else if (/^\d{3}$/.test(word)) status = Number(word);
    else throw new Error(`Cannot do '${word}' of script '${step}': see CaseRequest.script`);
  }
  if (socket.destroyed) return false;
  const bodiless = method === "HEAD" || status === 204 || status === 304;
  if (!bodiless) headers.push(["content-length", String(cut ? body.length + 10 : body.length)]);
  socket.write(wireHead(`HTTP/1.1 ${status} Scripted`, headers) + (bodiless ? "" : body), "latin1");
  if (cut) socket.end();
  return !cut;
}
