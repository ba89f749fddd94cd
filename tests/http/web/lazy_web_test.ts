import assert from "node:assert/strict";
import v8 from "node:v8";
import vm from "node:vm";
import { QueueBody } from "../../../lib/http/body.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { createLazyWeb } from "../../../lib/http/web/lazy_web.ts";

v8.setFlagsFromString("--expose-gc");
const collectGarbage = vm.runInNewContext("gc") as () => void;

/** A body that arrives, and what became of it. */
function arriving(): { body: QueueBody; cancelled: () => boolean } {
  let cancelled = false;
  const body = new QueueBody(null, { consumed: () => {}, cancelled: () => cancelled = true });
  body.push(new Uint8Array(10));
  return { body, cancelled: () => cancelled };
}

function respond(body: QueueBody, headers: string[] = []): Response {
  const message = { status: 200, headers: new HeaderList(headers), body };
  return createLazyWeb()!.toResponse(message, body, { url: "http://a/", redirected: false, method: "GET" });
}

/** Lets garbage be found and finalizers run, a few times over. */
async function collect(enough: () => boolean, rounds = 10): Promise<void> {
  for (let i = 0; i < rounds && !enough(); i++) {
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    collectGarbage();
  }
}

Deno.test("createLazyWeb(): content of a response that is lost is cancelled, so that its connection ends", async () => {
  const uses: [string, (response: Response) => unknown][] = [
    ["not looked at", (response) => response.status],
    ["its stream taken", (response) => response.body],
    ["read once", (response) => response.body!.getReader().read()],
  ];
  for (const [what, use] of uses) {
    const { body, cancelled } = arriving();
    await use(respond(body));
    await collect(cancelled);
    assert.ok(cancelled(), what);
  }
});

Deno.test("createLazyWeb(): content that is being read is not cancelled when only its reader is left", async () => {
  const readers: ((response: Response) => Promise<unknown>)[] = [
    (response) => response.bytes(),
    (response) => response.clone().bytes(),
    async (response) => {
      let length = 0;
      for await (const chunk of response.body!) length += chunk.length;
      return new Uint8Array(length);
    },
    (response) => new Response(response.body!.pipeThrough(new TransformStream())).bytes(),
  ];
  for (const read of readers) {
    const { body, cancelled } = arriving();
    const reading = read(respond(body)) as Promise<Uint8Array>;
    await collect(() => false, 3);
    assert.equal(cancelled(), false);
    body.push(new Uint8Array(5));
    body.end();
    assert.equal((await reading).length, 15);
  }
});
