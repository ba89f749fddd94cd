import fc from "fast-check";
import assert from "node:assert/strict";
import { ComponentRig, response } from "../support/component_rig.ts";
import { watComponent } from "../support/wat_component.ts";
import { BytesBody, readAll } from "../../lib/http/body.ts";

/** Numbers that look like discriminants, addresses of the answer itself, lengths, and anything else. */
const word = fc.oneof(
  fc.nat(3),
  fc.integer({ min: 1536, max: 1700 }),
  fc.nat(64),
  fc.constantFrom(-1, -4, 0x7fffffff, 65_536 * 2 - 4),
  fc.integer(),
);

Deno.test("whatever bytes a component answers with, the mesh answers with a response of its own or of the message", async () => {
  // The configuration is the memory every function answers with.
  const answer = "i32.const 1536";
  const component = await watComponent({
    configure: "(memory.copy (i32.const 1536) (local.get $at) (local.get $len)) (i32.const 1024)",
    onRequest: answer,
    onResponse: answer,
    bodies: { request: answer, response: answer },
  });
  const shared = await ComponentRig.load({ component });
  const statuses = new Set<number>();
  await fc.assert(
    fc.asyncProperty(
      fc.array(word, { minLength: 1, maxLength: 40 }),
      fc.constantFrom("fail_close" as const, "fail_open" as const),
      async (words, failPolicy) => {
        const config = new Uint8Array(Int32Array.from(words).buffer);
        await shared.loaded.close();
        shared.loaded = await shared.another({ component, config, failPolicy });
        const answer = await shared.send({
          body: new BytesBody(new Uint8Array(3)),
          upstream: async (request) => response(200, [], new BytesBody((await readAll(request.body))!)),
        });
        statuses.add(answer.status);
        assert.ok(answer.status >= 200 && answer.status <= 599);
        for (const [name, value] of answer.headers.entries()) {
          assert.match(name, /^[^\s:]+$/);
          assert.doesNotMatch(value, /[\r\n\0]/);
        }
        assert.equal(shared.log.find(/Cannot answer/), undefined, shared.log.toString());
      },
    ),
    { numRuns: 2000 },
  );
  assert.ok(statuses.has(200) && statuses.has(503), [...statuses].join());
});
