import { createServer, type Server, type Socket } from "node:net";
import { BytesBody } from "../../lib/http/body.ts";
import type { HttpServerHandler } from "../../lib/http/codec.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import { serveHttp1 } from "../../lib/http/http1/server_connection.ts";
import { serveHttp2 } from "../../lib/http/http2/server_connection.ts";
import { frameMessage } from "../../lib/grpc/framing.ts";
import { systemClock } from "../../lib/internal/clock.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { encode } from "../../lib/protobuf/registry.ts";
import { nodeSocketStream } from "./node_socket_stream.ts";

/** What a backend does: answers with a status, closes the connection instead, never answers, or is not there at all. */
export type Mode = number | "reset" | "hang" | "refuse";

/** What a backend speaks; `tcp` answers `PING` with `PONG` while its mode is 200. */
export type Speech = "http1" | "grpc" | "tcp";

/** A server whose behaviour changes on demand; its port stays. */
export class Backend {
  port = 0;
  /** Paths of the requests it got. */
  readonly requests: string[] = [];
  readonly #speech: Speech;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  /** Header fields of every answer over HTTP, flat. */
  headers: readonly string[] = [];
  #mode: Mode = 200;
  /** Turns of modes for requests one by one; what follows is `mode`. */
  #script: Mode[] = [];
  readonly #hanging = new Set<() => void>();

  private constructor(speech: Speech) {
    this.#speech = speech;
  }

  /** Starts one that answers 200. */
  static async start(speech: Speech = "http1"): Promise<Backend> {
    const backend = new Backend(speech);
    await backend.#listen();
    return backend;
  }

  /** Connections open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Does this from now on. */
  async become(mode: Mode, script: readonly Mode[] = []): Promise<void> {
    this.#mode = mode;
    this.#script = [...script];
    if (mode === "refuse") await this.close();
    else if (this.#server === null) await this.#listen();
  }

  /** Stops listening and closes every connection. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const end of this.#hanging) end();
    this.#hanging.clear();
    for (const socket of this.#sockets) socket.destroy();
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  async #listen(): Promise<void> {
    const server = this.#server = createServer((socket) => this.#serve(socket));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.port, "127.0.0.1", () => resolve());
    });
    this.port = (server.address() as { port: number }).port;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    if (this.#speech === "tcp") {
      socket.on("data", (data) => {
        if (String(data) === "PING") socket.write(this.#mode === 200 ? "<PONG>" : "<WHAT>");
      });
      return;
    }
    const handler: HttpServerHandler = async ({ path, headers }) => {
      this.requests.push(path);
      const mode = this.#script.shift() ?? this.#mode;
      if (mode === "reset") socket.destroy();
      if (typeof mode !== "number") {
        await new Promise<void>((resolve) => this.#hanging.add(resolve));
        return { status: 500, headers: new HeaderList(), body: null };
      }
      return headers.get("content-type") === "application/grpc" ? grpcAnswer(mode) : {
        status: mode,
        headers: new HeaderList([...this.headers]),
        body: new BytesBody(new TextEncoder().encode("well")),
      };
    };
    const options = { clock: systemClock, logger: silentLogger };
    const stream = nodeSocketStream(socket);
    if (this.#speech === "grpc") serveHttp2(stream, handler, options);
    else serveHttp1(stream, handler, options);
  }
}

/** 200 is SERVING, anything else NOT_SERVING. */
function grpcAnswer(mode: number) {
  const status = mode === 200 ? "SERVING" : "NOT_SERVING";
  const message = frameMessage(encode("grpc.health.v1.HealthCheckResponse", { status }));
  return {
    status: 200,
    headers: new HeaderList(["content-type", "application/grpc"]),
    body: new BytesBody(message, new HeaderList(["grpc-status", "0"])),
  };
}
