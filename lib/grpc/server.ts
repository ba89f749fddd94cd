import type { Clock, Timer } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import { BytesBody } from "../http/body.ts";
import type { HttpServerHandler } from "../http/codec.ts";
import type { Exchange } from "../http/exchange.ts";
import { HeaderList } from "../http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { frameMessage, GrpcMessageReader } from "./framing.ts";
import { GrpcStatusError } from "./grpc_status_error.ts";
import { parseGrpcTimeout } from "./grpc_timeout.ts";
import { gunzip } from "./gunzip.ts";
import { GrpcServerCall } from "./server_call.ts";
import { GrpcServerStreamCall } from "./server_stream_call.ts";
import { GrpcStatus } from "./status.ts";

/** Answers one message with one. */
export type GrpcUnaryHandler = (request: Uint8Array, call: GrpcServerCall) => Promise<Uint8Array>;
/** Answers a stream of messages by `call.send`; the call ends when the promise settles. */
export type GrpcStreamHandler = (requests: AsyncIterable<Uint8Array>, call: GrpcServerStreamCall) => Promise<void>;

/** Options of {@linkcode GrpcServer}. */
export interface GrpcServerOptions {
  clock: Clock;
  logger: Logger;
  /** The largest message a client may send, bytes. @default {4194304} */
  maxReceiveBytes?: number;
}

type Method = { readonly unary: GrpcUnaryHandler } | { readonly stream: GrpcStreamHandler };

/** A gRPC server of raw messages: what is in them is the business of the handlers. */
export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #methods = new Map<string, Method>();

  /** @param options Clock, logger, limits. */
  constructor(options: GrpcServerOptions) {
    this.#options = options;
  }

  /** Serves a method of one request and one response under `/package.Service/Method`. */
  unary(path: string, handler: GrpcUnaryHandler): void {
    this.#methods.set(path, { unary: handler });
  }

  /** Serves a method with a stream in either or both directions under `/package.Service/Method`. */
  bidi(path: string, handler: GrpcStreamHandler): void {
    this.#methods.set(path, { stream: handler });
  }

  /** Answers HTTP requests; hand it to `serveHttp2`. */
  readonly handler: HttpServerHandler = (request, exchange) => {
    const refusal = this.#check(request, exchange);
    if (refusal !== null) {
      request.body?.cancel();
      return Promise.resolve(refusal);
    }
    const method = this.#methods.get(request.path)!;
    return "unary" in method
      ? this.#serveUnary(method.unary, request, exchange)
      : this.#serveStream(method.stream, request, exchange);
  };

  #check(request: HttpRequest, exchange: Exchange): HttpResponse | null {
    const { headers } = request;
    if (!/^application\/grpc(?:$|[+;])/.test(headers.get("content-type") ?? "")) return bare(415);
    if (request.method !== "POST") return bare(405);
    const refuse = (details: string) =>
      new GrpcServerCall(request, exchange, null).trailersOnly(
        new GrpcStatusError(GrpcStatus.UNIMPLEMENTED, details),
      );
    if (!this.#methods.has(request.path)) return refuse(`Unknown method '${request.path}'`);
    const encoding = headers.get("grpc-encoding") ?? "identity";
    if (encoding === "identity" || encoding === "gzip") return null;
    const response = refuse(`Unknown message encoding '${encoding}'`);
    response.headers.append("grpc-accept-encoding", "identity,gzip");
    return response;
  }

  async #serveUnary(handler: GrpcUnaryHandler, request: HttpRequest, exchange: Exchange): Promise<HttpResponse> {
    const reader = this.#reader(request);
    const call = new GrpcServerCall(request, exchange, this.#deadline(request));
    exchange.onCancel((reason) => call.cancel(reason));
    const answer = this.#answerUnary(handler, reader, call);
    if (call.deadline === null) return answer;
    return await new Promise((resolve, reject) => {
      const timer = this.#atDeadline(call, reader, (error) => resolve(call.trailersOnly(error)));
      answer.then(resolve, reject).finally(() => timer.cancel());
    });
  }

  async #answerUnary(
    handler: GrpcUnaryHandler,
    reader: GrpcMessageReader,
    call: GrpcServerCall,
  ): Promise<HttpResponse> {
    try {
      const message = await reader.next();
      if (message === null || await reader.next() !== null) {
        throw new GrpcStatusError(GrpcStatus.INTERNAL, "A unary request has exactly one message");
      }
      const reply = await handler(message, call);
      return {
        status: 200,
        headers: call.responseHeaders(),
        body: new BytesBody(frameMessage(reply), call.statusTrailers()),
      };
    } catch (error) {
      reader.cancel();
      this.#report(error, call);
      return call.trailersOnly(error);
    }
  }

  #serveStream(handler: GrpcStreamHandler, request: HttpRequest, exchange: Exchange): Promise<HttpResponse> {
    return new Promise((resolve) => {
      const reader = this.#reader(request);
      const call = new GrpcServerStreamCall(request, exchange, this.#deadline(request), resolve);
      exchange.onCancel((reason) => call.cancel(reason));
      const timer = call.deadline === null ? null : this.#atDeadline(call, reader, (error) => call.finish(error));
      const end = (error: unknown) => {
        timer?.cancel();
        reader.cancel();
        this.#report(error, call);
        call.finish(error);
      };
      callHandler(handler, messagesOf(reader), call).then(() => end(null), (error) => end(error ?? handlerFailed()));
    });
  }

  #reader(request: HttpRequest): GrpcMessageReader {
    const { maxReceiveBytes } = this.#options;
    const packed = request.headers.get("grpc-encoding") === "gzip";
    return new GrpcMessageReader(request.body, {
      ...(maxReceiveBytes === undefined ? {} : { maxBytes: maxReceiveBytes }),
      ...(packed ? { decompress: gunzip } : {}),
    });
  }

  #deadline(request: HttpRequest): number | null {
    const timeout = parseGrpcTimeout(request.headers.get("grpc-timeout") ?? "");
    return timeout === null ? null : this.#options.clock.now() + timeout;
  }

  #atDeadline(call: GrpcServerCall, reader: GrpcMessageReader, end: (error: GrpcStatusError) => void): Timer {
    return this.#options.clock.timer(call.deadline! - this.#options.clock.now(), () => {
      const error = new GrpcStatusError(GrpcStatus.DEADLINE_EXCEEDED, "Deadline exceeded");
      end(error);
      call.cancel(error);
      reader.cancel(error);
    });
  }

  /** A status is an answer; anything else is a fault of the handler, unless no one waits any more. */
  #report(error: unknown, call: GrpcServerCall): void {
    if (error === null || error instanceof GrpcStatusError || call.cancelled) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.logger.log("error", `Cannot answer gRPC call '${call.path}': its handler failed`, { reason });
  }
}

async function callHandler(
  handler: GrpcStreamHandler,
  requests: AsyncIterable<Uint8Array>,
  call: GrpcServerStreamCall,
): Promise<void> {
  await handler(requests, call);
}

async function* messagesOf(reader: GrpcMessageReader): AsyncGenerator<Uint8Array> {
  try {
    for (let message = await reader.next(); message !== null; message = await reader.next()) yield message;
  } finally {
    reader.cancel();
  }
}

function handlerFailed(): GrpcStatusError {
  return new GrpcStatusError(GrpcStatus.UNKNOWN, "Handler failed");
}

function bare(status: number): HttpResponse {
  return { status, headers: new HeaderList(), body: null };
}
