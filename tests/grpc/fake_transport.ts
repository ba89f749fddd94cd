import * as grpc from "@grpc/grpc-js";
import { GrpcChannel } from "../../lib/grpc/channel.ts";
import type { GrpcChannelOptions } from "../../lib/grpc/channel_options.ts";
import type { GrpcTransport } from "../../lib/grpc/client_transport.ts";
import { frameMessage } from "../../lib/grpc/framing.ts";
import { type Body, BytesBody, QueueBody } from "../../lib/http/body.ts";
import type { Call } from "../../lib/http/call.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";

/** Answers a request in memory. */
export type Answer = (request: HttpRequest, call: Call) => HttpResponse | Promise<HttpResponse>;

/** A transport without a network: keeps what was sent and answers as told. */
export class FakeTransport implements GrpcTransport {
  closed = false;
  readonly sent: { readonly request: HttpRequest; readonly call: Call }[] = [];
  readonly #listeners = new Set<() => void>();
  answer: Answer;

  constructor(answer: Answer) {
    this.answer = answer;
  }

  /** Listeners that have not gone. */
  get listeners(): number {
    return this.#listeners.size;
  }

  send(_url: unknown, request: HttpRequest, call: Call): Promise<HttpResponse> {
    this.sent.push({ request, call });
    return new Promise((resolve, reject) => {
      call.exchange.onCancel(reject);
      Promise.resolve(this.answer(request, call)).then(resolve, reject);
    });
  }

  onClose(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    this.closed = true;
    for (const listener of [...this.#listeners]) listener();
  }
}

/** A channel on a fake transport and a clock that stands still, and a client of grpc-js on it. */
export function fakeChannel(answer: Answer, options: GrpcChannelOptions = {}) {
  const transport = new FakeTransport(answer);
  const clock = new FakeClock(Date.now());
  const channel = new GrpcChannel("echo.default:50051", options, { transport, clock, random: () => 0.5 });
  const client = new grpc.Client("unused", grpc.credentials.createInsecure(), { channelOverride: channel });
  return { transport, clock, channel, client };
}

/** A response that has arrived: framed messages, a status. */
export function grpcResponse(messages: readonly Uint8Array[], trailers = ["grpc-status", "0"]): HttpResponse {
  const framed = messages.map((message) => frameMessage(message));
  const bytes = new Uint8Array(framed.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const one of framed) {
    bytes.set(one, at);
    at += one.length;
  }
  return response(new BytesBody(bytes, new HeaderList(trailers)));
}

/** The head of a gRPC response with a body. */
export function response(body: Body | null, more: readonly string[] = []): HttpResponse {
  return { status: 200, headers: new HeaderList(["content-type", "application/grpc", ...more]), body };
}

/** A body the test fills, which remembers how it was given up. */
export function openBody(): { body: QueueBody; cancelled(): boolean } {
  let cancelled = false;
  const body = new QueueBody(null, { consumed: () => {}, cancelled: () => cancelled = true });
  return { body, cancelled: () => cancelled };
}
