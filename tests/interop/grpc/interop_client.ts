/**
 * The cases of gRPC's interop tests as a client made of an ordinary grpc-js stub. Runs in Deno and in Node; what each
 * case does is laid down in gRPC's "Interoperability Test Case Descriptions".
 */
import type { CallOptions, Client, ClientReadableStream, Metadata, ServiceError, StatusObject } from "@grpc/grpc-js";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ECHO, testService, unimplemented } from "./test_service.ts";
import type { Empty, InputResponse, OutputRequest, PayloadResponse, SimpleRequest } from "./test_service.ts";

/** Names of the cases, as gRPC's own clients call them. */
export const INTEROP_CASES = [
  "empty_unary",
  "large_unary",
  "client_streaming",
  "server_streaming",
  "ping_pong",
  "empty_stream",
  "timeout_on_sleeping_server",
  "cancel_after_begin",
  "cancel_after_first_response",
  "status_code_and_message",
  "special_status_message",
  "unimplemented_method",
  "unimplemented_service",
  "custom_metadata",
] as const;

/** A case's name. */
export type InteropCase = typeof INTEROP_CASES[number];

const REQUEST_SIZES = [27182, 8, 1828, 45904] as const;
const RESPONSE_SIZES = [31415, 9, 2653, 58979] as const;
const STATUS = { CANCELLED: 1, UNKNOWN: 2, DEADLINE_EXCEEDED: 4, UNIMPLEMENTED: 12 } as const;

type Method<Request, Response> = {
  path: string;
  requestSerialize: (message: Request) => Buffer;
  responseDeserialize: (bytes: Buffer) => Response;
};

/** How a call ended, and what came on the way. */
interface Outcome<Response> {
  error: ServiceError | null;
  response: Response | undefined;
  headers: Metadata | null;
  status: StatusObject;
}

/** What the cases need of grpc-js: the copy that the client belongs to. */
export interface GrpcJs {
  readonly client: Client;
  newMetadata(): Metadata;
}

/** The cases by name. */
export function interopClient({ client, newMetadata }: GrpcJs): Record<InteropCase, () => Promise<void>> {
  const unary = <Request, Response>(method: Method<Request, Response>, request: Request, metadata = newMetadata()) =>
    new Promise<Outcome<Response>>((resolve) => {
      let answered: { error: ServiceError | null; response: Response | undefined } | null = null;
      let status: StatusObject | null = null;
      let headers: Metadata | null = null;
      const settle = () => {
        if (answered !== null && status !== null) resolve({ ...answered, headers, status });
      };
      const { path, requestSerialize, responseDeserialize } = method;
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, {}, (error, response) => {
        answered = { error, response };
        settle();
      })
        .on("metadata", (received: Metadata) => headers = received)
        .on("status", (received: StatusObject) => {
          status = received;
          settle();
        });
    });
  const fullDuplex = (options: CallOptions = {}, metadata = newMetadata()) => {
    const { path, requestSerialize, responseDeserialize } = testService.FullDuplexCall;
    const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, options);
    return { call, incoming: new Incoming(call) };
  };
  const streamingInput = (metadata = newMetadata()) => {
    const { path, requestSerialize, responseDeserialize } = testService.StreamingInputCall;
    // Node 20 has no Promise.withResolvers.
    type Ended = { error: ServiceError | null; response: InputResponse | undefined };
    let end!: (ended: Ended) => void;
    const ended = new Promise<Ended>((resolve) => end = resolve);
    const call = client.makeClientStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      metadata,
      {},
      (error, response) => end({ error, response }),
    );
    return { call, ended };
  };
  const notThere = async (method: Method<Empty, Empty>) => {
    assert.equal((await unary(method, {})).error?.code, STATUS.UNIMPLEMENTED);
  };
  return {
    async empty_unary() {
      const { error, response } = await unary(testService.EmptyCall, {});
      assert.equal(error, null);
      assert.deepEqual(response, {});
    },

    async large_unary() {
      const request: SimpleRequest = { responseSize: 314159, payload: payload(271828) };
      const { error, response } = await unary(testService.UnaryCall, request);
      assert.equal(error, null);
      assert.equal(response?.payload?.body.length, 314159);
    },

    async client_streaming() {
      const { call, ended } = streamingInput();
      for (const size of REQUEST_SIZES) call.write({ payload: payload(size) });
      call.end();
      const { error, response } = await ended;
      assert.equal(error, null);
      assert.equal(response?.aggregatedPayloadSize, 74922);
    },

    async server_streaming() {
      const { path, requestSerialize, responseDeserialize } = testService.StreamingOutputCall;
      const request: OutputRequest = { responseParameters: RESPONSE_SIZES.map((size) => ({ size })) };
      const incoming = new Incoming(
        client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request),
      );
      for (const size of RESPONSE_SIZES) assert.equal((await incoming.next())?.payload?.body.length, size);
      assert.equal(await incoming.next(), null);
      assert.equal((await incoming.status).code, 0);
    },

    async ping_pong() {
      const { call, incoming } = fullDuplex();
      for (const [i, size] of REQUEST_SIZES.entries()) {
        call.write({ responseParameters: [{ size: RESPONSE_SIZES[i]! }], payload: payload(size) });
        assert.equal((await incoming.next())?.payload?.body.length, RESPONSE_SIZES[i]);
      }
      call.end();
      assert.equal(await incoming.next(), null);
      assert.equal((await incoming.status).code, 0);
    },

    async empty_stream() {
      const { call, incoming } = fullDuplex();
      call.end();
      assert.equal(await incoming.next(), null);
      assert.equal((await incoming.status).code, 0);
    },

    async timeout_on_sleeping_server() {
      const { call, incoming } = fullDuplex({ deadline: Date.now() + 1 });
      call.write({ payload: payload(27182) });
      await assert.rejects(incoming.next(), { code: STATUS.DEADLINE_EXCEEDED });
      assert.equal((await incoming.status).code, STATUS.DEADLINE_EXCEEDED);
    },

    async cancel_after_begin() {
      const { call, ended } = streamingInput();
      call.cancel();
      assert.equal((await ended).error?.code, STATUS.CANCELLED);
    },

    async cancel_after_first_response() {
      const { call, incoming } = fullDuplex();
      call.write({ responseParameters: [{ size: 31415 }], payload: payload(27182) });
      assert.equal((await incoming.next())?.payload?.body.length, 31415);
      call.cancel();
      await assert.rejects(incoming.next(), { code: STATUS.CANCELLED });
    },

    async status_code_and_message() {
      const responseStatus = { code: STATUS.UNKNOWN, message: "test status message" };
      const { error } = await unary(testService.UnaryCall, { responseStatus });
      assert.deepEqual([error?.code, error?.details], [STATUS.UNKNOWN, responseStatus.message]);
      const { call, incoming } = fullDuplex();
      call.write({ responseStatus });
      call.end();
      await assert.rejects(incoming.next(), { code: STATUS.UNKNOWN, details: responseStatus.message });
    },

    async special_status_message() {
      const message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
      const { error } = await unary(testService.UnaryCall, { responseStatus: { code: STATUS.UNKNOWN, message } });
      assert.deepEqual([error?.code, error?.details], [STATUS.UNKNOWN, message]);
    },

    unimplemented_method: () => notThere(unimplemented.method),

    unimplemented_service: () => notThere(unimplemented.service),

    async custom_metadata() {
      const value = "test_initial_metadata_value";
      const trailing = Buffer.from([0xab, 0xab, 0xab]);
      const sent = () => {
        const metadata = newMetadata();
        metadata.set(ECHO.initial, value);
        metadata.set(ECHO.trailing, trailing);
        return metadata;
      };
      const check = (headers: Metadata | null, trailers: Metadata) => {
        assert.deepEqual(headers?.get(ECHO.initial), [value]);
        assert.deepEqual(trailers.get(ECHO.trailing).map((each) => Buffer.from(each).toString("hex")), ["ababab"]);
      };
      const one = await unary(testService.UnaryCall, { responseSize: 314159, payload: payload(271828) }, sent());
      assert.equal(one.error, null);
      check(one.headers, one.status.metadata);
      const { call, incoming } = fullDuplex({}, sent());
      call.write({ responseParameters: [{ size: 314159 }], payload: payload(271828) });
      assert.equal((await incoming.next())?.payload?.body.length, 314159);
      call.end();
      assert.equal(await incoming.next(), null);
      check(incoming.headers, (await incoming.status).metadata);
    },
  };
}

function payload(size: number): { body: Uint8Array } {
  return { body: new Uint8Array(size) };
}

/** The messages of a call, one at a time. */
class Incoming {
  /** Headers of the answer, once they are there. */
  headers: Metadata | null = null;
  readonly status: Promise<StatusObject>;
  readonly #messages: AsyncIterator<PayloadResponse>;

  constructor(call: ClientReadableStream<PayloadResponse>) {
    call.on("metadata", (metadata: Metadata) => this.headers = metadata);
    this.status = new Promise((resolve) => call.once("status", resolve));
    this.#messages = call[Symbol.asyncIterator]();
  }

  /** The next message, `null` at the end; rejects with the call's error. */
  async next(): Promise<PayloadResponse | null> {
    const { value, done } = await this.#messages.next();
    return done === true ? null : value;
  }
}
