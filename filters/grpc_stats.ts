import type { HttpFilterType } from "../lib/filter/http_filter.ts";
import { hasGrpcContentType, parseGrpcStatus } from "../lib/formatter/grpc_status.ts";
import type { Body } from "../lib/http/body.ts";
import type { Call } from "../lib/http/call.ts";
import type { HeaderList } from "../lib/http/header_list.ts";
import { decode } from "../lib/protobuf/registry.ts";

const CONFIG = "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig";

/**
 * `envoy.filters.http.grpc_stats`: counts the messages of gRPC calls on their way and leaves counts and status on the
 * call, where the standard metrics find them. Other requests pass untouched.
 */
export const grpcStatsFilter: HttpFilterType = {
  configTypes: [CONFIG],
  parse(bytes) {
    decode(CONFIG, bytes);
    return {
      create: () =>
        function grpcStats(next) {
          return async (request, call) => {
            if (!hasGrpcContentType(request.headers)) return await next(request, call);
            if (request.body !== null) {
              request.body = new CountingBody(request.body, (messages) => {
                call.grpcRequestMessages += messages;
                call.onGrpcMessages?.();
              });
            }
            const response = await next(request, call);
            // An answer of headers only carries its status there.
            noteStatus(call, response.headers);
            if (response.body !== null) {
              response.body = new CountingBody(response.body, (messages) => {
                call.grpcResponseMessages += messages;
                call.onGrpcMessages?.();
              }, (trailers) => noteStatus(call, trailers));
            }
            return response;
          };
        },
    };
  },
};

function noteStatus(call: Call, headers: HeaderList | null): void {
  call.grpcStatus = parseGrpcStatus(headers?.get("grpc-status")) ?? call.grpcStatus;
}

/** Passes a body on and counts its gRPC messages: five bytes of prefix each, the last four of which are its length. */
export class CountingBody implements Body {
  readonly length: number | null;
  readonly #body: Body;
  readonly #onMessages: (count: number) => void;
  readonly #onEnd: ((trailers: HeaderList | null) => void) | null;
  /** Bytes of the current prefix read so far, and the length they say. */
  #prefix = 0;
  #messageLength = 0;
  /** Bytes of the current message still to come. */
  #remaining = 0;
  #counted = false;

  /**
   * @param body The body to count in.
   * @param onMessages Told how many messages began in a chunk, where any did.
   * @param onEnd Told the trailers once the body is over.
   */
  constructor(
    body: Body,
    onMessages: (count: number) => void,
    onEnd: ((trailers: HeaderList | null) => void) | null = null,
  ) {
    this.length = body.length;
    this.#body = body;
    this.#onMessages = onMessages;
    this.#onEnd = onEnd;
  }

  get trailers(): HeaderList | null {
    return this.#body.trailers;
  }

  whole(): Uint8Array | null {
    const bytes = this.#body.whole();
    if (bytes !== null && !this.#counted) {
      this.#counted = true;
      this.#count(bytes);
      this.#onEnd?.(this.#body.trailers);
    }
    return bytes;
  }

  async read(): Promise<Uint8Array | null> {
    const chunk = await this.#body.read();
    if (!this.#counted) {
      if (chunk !== null) this.#count(chunk);
      else {
        this.#counted = true;
        this.#onEnd?.(this.#body.trailers);
      }
    }
    return chunk;
  }

  cancel(reason?: unknown): void {
    this.#body.cancel(reason);
  }

  #count(chunk: Uint8Array): void {
    let messages = 0;
    for (let at = 0; at < chunk.length;) {
      if (this.#remaining > 0) {
        const step = Math.min(this.#remaining, chunk.length - at);
        this.#remaining -= step;
        at += step;
        continue;
      }
      const byte = chunk[at++]!;
      // A prefix counts as its message once its first byte is here, as in Envoy.
      if (this.#prefix === 0) messages++;
      else this.#messageLength = this.#messageLength * 256 + byte;
      if (++this.#prefix < 5) continue;
      this.#remaining = this.#messageLength;
      this.#prefix = 0;
      this.#messageLength = 0;
    }
    if (messages > 0) this.#onMessages(messages);
  }
}
