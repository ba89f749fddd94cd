import type { HttpFilterType } from "../lib/filter/http_filter.ts";
import { hasGrpcContentType, parseGrpcStatus } from "../lib/formatter/grpc_status.ts";
import type { Body, BodyWatcher } from "../lib/http/body.ts";
import { BodyWrapper } from "../lib/http/body_wrapper.ts";
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
          return (request, call) => {
            if (!hasGrpcContentType(request.headers)) return next(request, call);
            if (request.body !== null) {
              request.body = counted(request.body, (messages) => {
                call.grpcRequestMessages += messages;
              });
            }
            return next(request, call).then((response) => {
              // An answer of headers only carries its status there.
              noteStatus(call, response.headers);
              if (response.body !== null) {
                response.body = counted(response.body, (messages) => {
                  call.grpcResponseMessages += messages;
                }, (trailers) => {
                  call.responseTrailers = trailers;
                  noteStatus(call, trailers);
                });
              }
              return response;
            });
          };
        },
    };
  },
};

function noteStatus(call: Call, headers: HeaderList | null): void {
  call.grpcStatus = parseGrpcStatus(headers?.get("grpc-status")) ?? call.grpcStatus;
}

type OnMessages = (count: number) => void;
type OnEnd = (trailers: HeaderList | null) => void;

/**
 * Counts the gRPC messages of a body as they arrive, whenever they are read: a call may be over before.
 *
 * @param body The body.
 * @param onMessages Told how many messages began in a chunk, where any did.
 * @param onEnd Told the trailers once the body is over.
 * @returns The body to go on with.
 */
export function counted(body: Body, onMessages: OnMessages, onEnd: OnEnd | null = null): Body {
  const counter = new MessageCounter(onMessages, onEnd);
  if (body.watch === undefined) return new CountingBody(body, counter);
  body.watch(counter);
  return body;
}

/** Finds the messages in content: five bytes of prefix each, the last four of which are its length. */
class MessageCounter implements BodyWatcher {
  readonly #onMessages: OnMessages;
  readonly #onEnd: OnEnd | null;
  /** Bytes of the current prefix read so far, and the length they say. */
  #prefix = 0;
  #messageLength = 0;
  /** Bytes of the current message still to come. */
  #remaining = 0;

  constructor(onMessages: OnMessages, onEnd: OnEnd | null) {
    this.#onMessages = onMessages;
    this.#onEnd = onEnd;
  }

  content(chunk: Uint8Array): void {
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

  end(trailers: HeaderList | null): void {
    this.#onEnd?.(trailers);
  }
}

/** Shows a watcher what is read from a body that comes about by being read. */
class CountingBody extends BodyWrapper {
  readonly #counter: MessageCounter;
  #over = false;

  constructor(body: Body, counter: MessageCounter) {
    super(body);
    this.#counter = counter;
  }

  override whole(): Uint8Array | null {
    const bytes = this.inner.whole();
    if (bytes !== null && !this.#over) {
      this.#counter.content(bytes);
      this.#end();
    }
    return bytes;
  }

  override async read(): Promise<Uint8Array | null> {
    const chunk = await this.inner.read();
    if (!this.#over) {
      if (chunk !== null) this.#counter.content(chunk);
      else this.#end();
    }
    return chunk;
  }

  #end(): void {
    this.#over = true;
    this.#counter.end(this.inner.trailers);
  }
}
