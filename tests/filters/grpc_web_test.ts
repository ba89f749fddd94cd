import assert from "node:assert/strict";
import fc from "fast-check";
import { grpcWebFilter } from "../../filters/grpc_web.ts";
import { type Body, BytesBody, QueueBody, readAll } from "../../lib/http/body.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import { MeshError } from "../../lib/errors.ts";
import { fakeCall, fakeContext, fakeRequest, fakeResponse, layerOf } from "./fake_call.ts";

const owner = { consumed: () => {}, cancelled: () => {} };
const GRPC = ["content-type", "application/grpc"];
const OK = ["grpc-status", "0", "grpc-message", "fine"];
/** The frame of {@linkcode OK}. */
const OK_FRAME = frame(0x80, new TextEncoder().encode("grpc-status:0\r\ngrpc-message:fine\r\n"));

function frame(flags: number, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(5 + content.length);
  bytes[0] = flags;
  new DataView(bytes.buffer).setUint32(1, content.length);
  bytes.set(content, 5);
  return bytes;
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function text(bytes: Uint8Array | null): string {
  return new TextDecoder().decode(bytes ?? new Uint8Array(0));
}

const utf8 = (content: string) => new TextEncoder().encode(content);

type Answer = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

/** Sends one request; `answer` is what stands behind the filter. */
async function send(headers: string[], body: Body | null, answer: Answer) {
  const context = fakeContext({ direction: "inbound" });
  const request = fakeRequest(headers, body, "POST");
  const call = fakeCall(request, context);
  const handler = layerOf(grpcWebFilter, new Uint8Array(0), context)((request) =>
    Promise.resolve(request).then(answer)
  );
  const response = await handler(request, call);
  return { response, call, request };
}

/** Content that arrives in pieces of these sizes, in turn. */
function streamed(bytes: Uint8Array, cuts: readonly number[], trailers: HeaderList | null = null): QueueBody {
  const queue = new QueueBody(null, owner);
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = cuts[i % cuts.length]!;
    queue.push(bytes.slice(at, at + size));
    at += size;
  }
  // As from a codec that has not seen the end yet: nothing is whole.
  queueMicrotask(() => queue.end(trailers));
  return queue;
}

Deno.test("Other requests pass untouched", async () => {
  for (const type of ["application/grpc", "application/grpc-web+json", "application/grpc-web; a=b", "text/plain"]) {
    const answer = fakeResponse(200, ["content-type", "text/plain"], new BytesBody(utf8("content")));
    const { response, request } = await send(["content-type", type], null, () => answer);
    assert.deepEqual(request.headers.pairs, ["content-type", type]);
    assert.equal(response, answer);
    assert.equal(text(await readAll(response.body)), "content");
  }
});

Deno.test("A request becomes gRPC, and the response has its trailers in the content", async () => {
  for (const type of ["application/grpc-web", "application/grpc-web+proto"]) {
    const message = frame(0, utf8("hello"));
    const headers = ["content-type", type, "content-length", "10", "x-grpc-web", "1"];
    const { response, request } = await send(headers, new BytesBody(message), async (request) => {
      assert.deepEqual(await readAll(request.body), message);
      const trailers = new HeaderList(OK.slice());
      return fakeResponse(200, [...GRPC, "content-length", "10"], new BytesBody(message, trailers));
    });
    assert.deepEqual(Object.fromEntries(request.headers.entries()), {
      "content-type": "application/grpc",
      "x-grpc-web": "1",
      te: "trailers",
      "grpc-accept-encoding": "identity",
    });
    assert.deepEqual(response.headers.pairs, ["content-type", "application/grpc-web+proto"]);
    assert.deepEqual(await readAll(response.body), concat(message, OK_FRAME));
    assert.equal(response.body!.trailers, null);
  }
});

Deno.test("Text is base64 both ways, frame by frame, however it is cut", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 5 }),
    fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
    fc.boolean(),
    async (contents, cuts, whole) => {
      const frames = contents.map((content) => frame(0, content));
      const sent = utf8(concat(...frames).toBase64());
      const headers = ["content-type", "application/grpc-web-text", "accept", "application/grpc-web-text+proto"];
      const body = whole ? new BytesBody(sent) : streamed(sent, cuts);
      const { response } = await send(headers, body, async (request) => {
        assert.deepEqual(await readAll(request.body), concat(...frames));
        const trailers = new HeaderList(OK.slice());
        const answer = whole ? new BytesBody(concat(...frames), trailers) : streamed(concat(...frames), cuts, trailers);
        return fakeResponse(200, GRPC, answer);
      });
      assert.equal(response.headers.get("content-type"), "application/grpc-web-text+proto");
      const expected = [...frames, OK_FRAME].map((frame) => frame.toBase64()).join("");
      assert.equal(text(await readAll(response.body)), expected);
    },
  ));
});

Deno.test("The form of the response is what the caller accepts, not what it sent", async () => {
  const reply = () => fakeResponse(200, GRPC, new BytesBody(new Uint8Array(0), new HeaderList(OK.slice())));
  const asked = await send(
    ["content-type", "application/grpc-web", "accept", "application/grpc-web-text"],
    null,
    reply,
  );
  assert.equal(text(await readAll(asked.response.body)), OK_FRAME.toBase64());
  const other = await send(["content-type", "application/grpc-web-text", "accept", "*/*"], null, reply);
  assert.deepEqual(await readAll(other.response.body), OK_FRAME);
});

Deno.test("A response of headers only keeps its status there", async () => {
  const { response } = await send(["content-type", "application/grpc-web"], null, () => {
    return fakeResponse(200, [...GRPC, "grpc-status", "5"]);
  });
  assert.deepEqual(response.headers.pairs, ["content-type", "application/grpc-web+proto", "grpc-status", "5"]);
  assert.equal(response.body, null);
});

Deno.test("What is no gRPC is told in headers, under its own status", async () => {
  const { response, call } = await send(["content-type", "application/grpc-web"], null, () => {
    return fakeResponse(404, ["content-type", "text/html", "content-length", "6"], new BytesBody(utf8("no: ü%")));
  });
  assert.equal(response.status, 404);
  assert.deepEqual(Object.fromEntries(response.headers.entries()), {
    "content-type": "application/grpc-web+proto",
    "grpc-status": "12",
    "grpc-message": "no: %C3%BC%25",
  });
  assert.equal(response.body, null);
  assert.equal(call.grpcStatus, 12);
});

Deno.test("An answer that is no gRPC is read as far as a header may hold it", async () => {
  const { response } = await send(["content-type", "application/grpc-web"], null, () => {
    return fakeResponse(200, ["content-type", "text/plain"], streamed(utf8("x".repeat(20_000)), [7_000]));
  });
  assert.equal(response.headers.get("grpc-message"), "x".repeat(16_384));
});

Deno.test("What is refused behind the filter becomes an answer to gRPC-Web", async () => {
  const { response, call } = await send(["content-type", "application/grpc-web"], null, () => {
    throw new MeshError("NO_HEALTHY_UPSTREAM", "Cannot send: nobody is there");
  });
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("grpc-status"), "14");
  assert.equal(response.headers.get("grpc-message"), "Cannot send: nobody is there");
  assert.equal(call.responseFlags, "UH");
});

Deno.test("Text that is no base64 is refused, at once or where it is read", async () => {
  for (const content of ["AAA", "AA=A", "AAAA AAA", "AAAAAAB="]) {
    for (const whole of [true, false]) {
      const body = whole ? new BytesBody(utf8(content)) : streamed(utf8(content), [2]);
      let read = false;
      const { response, call } = await send(["content-type", "application/grpc-web-text"], body, async (request) => {
        await readAll(request.body);
        read = true;
        return fakeResponse();
      });
      assert.equal(read, false, content);
      assert.equal(response.status, 400);
      assert.equal(response.headers.get("grpc-status"), "13");
      assert.equal(response.headers.get("grpc-message"), "Bad gRPC-web request, invalid base64 data.");
      assert.equal(call.responseCodeDetails, "grpc_base_64_decode_failed");
    }
  }
});
