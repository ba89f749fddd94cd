import { Buffer } from "node:buffer";
import { MeshError } from "../errors.ts";
import { readAll } from "../http/body.ts";
import type { HttpClientConnection } from "../http/codec.ts";
import { Exchange } from "../http/exchange.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";

/** An answer with its content. */
export interface HealthAnswer {
  readonly response: HttpResponse;
  /** The content up to the limit; without what is beyond. */
  readonly content: Uint8Array;
}

/** Sends the requests of health checks, one at a time, over one connection beside the pools of traffic. */
export class HealthRequests {
  readonly #open: (signal: AbortSignal) => Promise<HttpClientConnection>;
  readonly #reuse: boolean;
  #connection: HttpClientConnection | null = null;

  /**
   * @param open Opens a connection to the host.
   * @param reuse Whether to keep it from check to check.
   */
  constructor(open: (signal: AbortSignal) => Promise<HttpClientConnection>, reuse: boolean) {
    this.#open = open;
    this.#reuse = reuse;
  }

  /**
   * Sends a request and reads the answer to its end.
   *
   * @param limit Bytes of content that are kept; what comes behind is read and dropped.
   * @param signal Closes the connection when aborted.
   * @throws When there was no whole answer.
   */
  async send(request: HttpRequest, limit: number, signal: AbortSignal): Promise<HealthAnswer> {
    const connection = await this.#take(signal);
    const exchange = new Exchange();
    const giveUp = () => {
      exchange.cancel(new MeshError("UPSTREAM_REQUEST_TIMEOUT", "Cannot wait for the health check any longer"));
      this.close();
    };
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      const response = await connection.send(request, exchange);
      const content = await readUpTo(response, limit);
      if (!this.#reuse) this.close();
      return { response, content };
    } catch (error) {
      this.close();
      throw error;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  /** Closes the connection. */
  close(): void {
    this.#connection?.close();
    this.#connection = null;
  }

  async #take(signal: AbortSignal): Promise<HttpClientConnection> {
    const kept = this.#connection;
    if (kept !== null && kept.state === "open" && kept.available > 0) return kept;
    this.close();
    const connection = await this.#open(signal);
    if (signal.aborted) {
      connection.close();
      throw signal.reason;
    }
    return this.#connection = connection;
  }
}

async function readUpTo({ body }: HttpResponse, limit: number): Promise<Uint8Array> {
  if (body === null || body.whole() !== null) return (await readAll(body))!.subarray(0, limit);
  const kept: Uint8Array[] = [];
  let length = 0;
  for (let chunk = await body.read(); chunk !== null; chunk = await body.read()) {
    if (length === limit) continue;
    kept.push(chunk.subarray(0, limit - length));
    length += kept[kept.length - 1]!.length;
  }
  return Buffer.concat(kept);
}
