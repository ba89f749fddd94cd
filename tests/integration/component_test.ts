/** Component filters in real meshes, both directions, changed under load. */
import assert from "node:assert/strict";
import { componentFilter } from "../../lib/component/mod.ts";
import { MeshRig } from "../support/mesh_rig.ts";
import { until } from "../support/until.ts";

const built = (name: string) => Deno.readFile(new URL(`../../filters/component/${name}.wasm`, import.meta.url));

Deno.test("components filter what a mesh sends and what it serves", () =>
  MeshRig.use(async (rig) => {
    const { mesh: echo } = await rig.serve("echo", (request) =>
      new Response(`card 4111 1111, tagged by ${request.headers.get("x-tagged-by")}`));
    const caller = await rig.join("caller");
    await rig.answers(caller, "http://echo/");
    await using tag = await caller.use(
      componentFilter({
        component: await built("header_tag"),
        name: "tag",
        config: "the caller",
        direction: "outbound",
      }),
    );
    await echo.use(componentFilter({ component: await built("digit_mask"), name: "mask" }));
    assert.equal(tag.name, "tag");
    const response = await caller.fetch("http://echo/");
    assert.equal(await response.text(), "card #### ####, tagged by the caller");
    assert.equal(response.headers.get("x-tagged-by"), "the caller");
    const forbidden = await caller.fetch("http://echo/forbidden", { method: "POST", body: "x".repeat(100_000) });
    assert.deepEqual([forbidden.status, await forbidden.text()], [403, "forbidden by header_tag\n"]);

    await assert.rejects(echo.use(componentFilter({ component: await built("header_tag"), name: "bad" })), {
      code: "CONFIG_INVALID",
      message:
        "Cannot use the component filter 'bad': it refuses its configuration: it is empty; give the word to tag with",
    });
    const trapped = await caller.fetch("http://echo/trap");
    assert.equal(trapped.status, 503);
    assert.match(await trapped.text(), /filter 'tag' has failed/);
    assert.ok(rig.log("caller").find(/Filter 'tag' has failed \(unreachable\)/));
  }));

Deno.test("filters are added, replaced and removed under load without one failed request", () =>
  MeshRig.use(async (rig) => {
    await rig.serve("echo", (request) => new Response(request.headers.get("x-tagged-by") ?? "nobody"));
    const caller = await rig.join("caller");
    await rig.answers(caller, "http://echo/");
    const component = await built("header_tag");
    let running = true;
    const seen = new Map<string, number>();
    const load = Promise.all(Array.from({ length: 4 }, async () => {
      while (running) {
        const response = await caller.fetch("http://echo/", { method: "POST", body: "hello" });
        assert.equal(response.status, 200);
        const text = await response.text();
        seen.set(text, (seen.get(text) ?? 0) + 1);
      }
    }));
    load.catch(() => {});
    let former: AsyncDisposable | null = null;
    for (let round = 0; round < 5; round++) {
      // The new one stands behind the former until that is gone, and has the last word on the way out.
      const next = await caller.use(componentFilter({ component, config: `round ${round}` }));
      await former?.[Symbol.asyncDispose]();
      former = next;
      await until(`round ${round} is seen`, () => (seen.get(`round ${round}`) ?? 0) > 10);
    }
    await former![Symbol.asyncDispose]();
    const before = seen.get("nobody") ?? 0;
    await until("nobody filters", () => (seen.get("nobody") ?? 0) > before + 10);
    running = false;
    await load;
  }));
