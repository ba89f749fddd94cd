import assert from "node:assert/strict";
import type { HttpClientConnection } from "../../../lib/http/codec.ts";
import { Exchange } from "../../../lib/http/exchange.ts";
import { StreamBody } from "../../../lib/http/web/stream_body.ts";
import { codecRequest } from "./codec_client.ts";

/** Content that is written as it goes. */
export function streamOf() {
  let controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({ start: (given) => void (controller = given) });
  return {
    body,
    write: (text: string) => controller.enqueue(new TextEncoder().encode(text)),
    end: () => controller.close(),
  };
}

/** Talks to a server that echoes: each line is sent only when the one before has come back. */
export async function conversation(connection: HttpClientConnection): Promise<void> {
  const { body, write, end } = streamOf();
  const sent = connection.send(codecRequest("/", new StreamBody(body)), new Exchange());
  write("one");
  const response = await sent;
  assert.equal(response.status, 200);
  const next = async () => new TextDecoder().decode((await response.body!.read())!);
  assert.equal(await next(), "one");
  for (const text of ["two", "three"]) {
    write(text);
    assert.equal(await next(), text);
  }
  end();
  assert.equal(await response.body!.read(), null);
}
