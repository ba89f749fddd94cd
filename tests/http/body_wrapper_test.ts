import assert from "node:assert/strict";
import { BytesBody, QueueBody } from "../../lib/http/body.ts";
import { BodyWrapper } from "../../lib/http/body_wrapper.ts";
import { HeaderList } from "../../lib/http/header_list.ts";

Deno.test("a wrapper passes everything on, and shows nobody what it has not been asked for", async () => {
  const bytes = new Uint8Array([1, 2]);
  const trailers = new HeaderList(["x-a", "1"]);
  const whole = new BodyWrapper(new BytesBody(bytes, trailers));
  assert.deepEqual([whole.length, whole.trailers, whole.whole()], [2, trailers, bytes]);
  assert.equal("watch" in whole, false);
  let reason: unknown;
  const queue = new QueueBody(null, { consumed: () => {}, cancelled: (why) => void (reason = why) });
  const streamed = new BodyWrapper(queue);
  queue.push(bytes);
  assert.deepEqual(await streamed.read(), bytes);
  streamed.cancel("enough");
  assert.equal(reason, "enough");
});
