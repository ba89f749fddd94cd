import { BytesBody } from "../http/body.ts";
import type { HttpServerHandler } from "../http/codec.ts";
import { HeaderList } from "../http/header_list.ts";
import type { HttpResponse } from "../http/message.ts";
import type { Clock } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import { DEFAULT_MAX_MESSAGE_BYTES, type GrpcMessageReader } from "./framing.ts";
import { GrpcStatusError } from "./grpc_status_error.ts";
import { ACCEPTED_ENCODINGS, GrpcServerCall, type GrpcServerCallOptions } from "./server_call.ts";
import { GrpcStatus } from "./status.ts";

/** Serves a call: it ends with `reply`, `finish` or `fail`. What it throws ends the call as well. */
export type GrpcMethodHandler = (call: GrpcServerCall) => void;
/** Answers one message with one. */
export type GrpcUnaryHandler = (request: Uint8Array, call: GrpcServerCall) => Promise<Uint8Array>;
/** Answers a stream of messages by `call.send`; the call ends when the promise settles. */
export type GrpcStreamHandler = (requests: AsyncIterable<Uint8Array>, call: GrpcServerCall) => Promise<void>;

/** Options of {@linkcode GrpcServer}. */
export interface GrpcServerOptions {
  /** The time, and the timers of deadlines: a timer wheel where there are many calls. */
  clock: Clock;
  logger: Logger;
  /** The largest message a client may send, bytes. @default {4194304} */
  maxReceiveBytes?: number;
  /** The largest message a handler may send, bytes. @default {Infinity} */
  maxSendBytes?: number;
  /** Whether messages are packed for clients that accept it. @default {false} */
  gzip?: boolean;
}

/** A gRPC server of raw messages: what is in them is the business of the handlers. */
export class GrpcServer {
  readonly #options: GrpcServerCallOptions;
  readonly #methods = new Map<string, GrpcMethodHandler>();

  /** @param options Clock, logger, limits. */
  constructor(options: GrpcServerOptions) {
    const { clock, logger, maxReceiveBytes, maxSendBytes, gzip } = options;
    this.#options = {
      clock,
      logger,
      maxReceiveBytes: maxReceiveBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
      maxSendBytes: maxSendBytes ?? Infinity,
      gzip: gzip ?? false,
    };
  }

  /** Whether a method is served under that path. */
  has(path: string): boolean {
    return this.#methods.has(path);
  }

  /** Serves a method under `/package.Service/Method`, in place of the one before. */
  handle(path: string, handler: GrpcMethodHandler): void {
    this.#methods.set(path, handler);
  }

  /** Serves a method no longer; calls under way go on. */
  remove(path: string): void {
    this.#methods.delete(path);
  }

  /** Serves a method of one request and one response. */
  unary(path: string, handler: GrpcUnaryHandler): void {
    this.handle(path, (call) => call.receiveOne((message) => void answerUnary(handler, message, call)));
  }

  /** Serves a method with a stream in either or both directions. */
  bidi(path: string, handler: GrpcStreamHandler): void {
    this.handle(path, (call) => void answerStream(handler, call));
  }

  /** Answers HTTP requests; hand it to `serveHttp2`. */
  readonly handler: HttpServerHandler = (request, exchange) =>
    new Promise((resolve, reject) =>
      this.#serve(new GrpcServerCall(request, exchange, this.#options, resolve, reject))
    );

  #serve(call: GrpcServerCall): void {
    const refusal = refusalOf(call);
    if (refusal !== null) return call.refuse(refusal);
    const handler = this.#methods.get(call.path);
    if (handler === undefined) {
      return call.finish(unimplemented(`The server does not implement the method ${call.path}`));
    }
    if (call.encoding !== "identity" && call.encoding !== "gzip") {
      call.responseMetadata.append("grpc-accept-encoding", ACCEPTED_ENCODINGS);
      return call.finish(unimplemented(`Received message compressed with unsupported encoding "${call.encoding}"`));
    }
    call.begin();
    if (call.over) return;
    try {
      handler(call);
    } catch (error) {
      call.fail(error);
    }
  }
}

const GRPC = /^application\/grpc(?:$|[+;])/;

/** What is no gRPC request gets an answer its sender understands (`doc/PROTOCOL-HTTP2.md` asks for 415). */
function refusalOf({ contentType, request }: GrpcServerCall): HttpResponse | null {
  if (contentType !== "application/grpc" && !GRPC.test(contentType)) {
    return bare(415, `This port speaks gRPC: the content type must be application/grpc, it is '${contentType}'`);
  }
  if (request.protocol !== "HTTP/2") {
    return bare(505, `gRPC needs HTTP/2, the request came in '${request.protocol}': let the client speak HTTP/2`);
  }
  if (request.method === "POST") return null;
  const response = bare(405, `gRPC needs the method POST, the request has '${request.method}'`);
  response.headers.append("allow", "POST");
  return response;
}

function bare(status: number, text: string): HttpResponse {
  const headers = new HeaderList(["content-type", "text/plain; charset=utf-8"]);
  return { status, headers, body: new BytesBody(new TextEncoder().encode(`${text}\n`)) };
}

function unimplemented(details: string): GrpcStatusError {
  return new GrpcStatusError(GrpcStatus.UNIMPLEMENTED, details);
}

async function answerUnary(handler: GrpcUnaryHandler, message: Uint8Array, call: GrpcServerCall): Promise<void> {
  try {
    call.reply(await handler(message, call));
  } catch (error) {
    call.fail(error);
  }
}

async function answerStream(handler: GrpcStreamHandler, call: GrpcServerCall): Promise<void> {
  try {
    await handler(messagesOf(call.reader), call);
    call.finish();
  } catch (error) {
    call.fail(error);
  }
}

async function* messagesOf(reader: GrpcMessageReader): AsyncGenerator<Uint8Array> {
  try {
    for (let message = await reader.next(); message !== null; message = await reader.next()) yield message;
  } finally {
    reader.cancel();
  }
}
