import { CompiledComponent } from "../../lib/component/compiled_component.ts";
import { ComponentInstance } from "../../lib/component/component_instance.ts";
import { transpile } from "../../lib/component/transpile.ts";
import { systemClock } from "../../lib/internal/clock.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { until } from "../support/until.ts";
import { usedHeap } from "../support/used_heap.ts";

Deno.test("a thousand instances come and go, and leave nothing", async () => {
  const bytes = await Deno.readFile(new URL("../../filters/component/header_tag.wasm", import.meta.url));
  const compiled = await CompiledComponent.compile(await transpile(bytes), 1 << 24);
  const options = {
    name: "x",
    configuration: new Uint8Array([1]),
    timeLimitMs: null,
    clock: systemClock,
    logger: silentLogger,
  };
  let collected = 0;
  const registry = new FinalizationRegistry(() => collected++);
  for (let i = 0; i < 1000; i++) registry.register(new ComponentInstance(compiled, options), null);
  await until("nearly all of them are collected", async () => {
    await usedHeap();
    return collected >= 990;
  });
});

Deno.test("what is compiled can be collected: the glue is no module of the runtime's", async () => {
  const bytes = await Deno.readFile(new URL("../../filters/component/header_tag.wasm", import.meta.url));
  const transpiled = await transpile(bytes);
  let collected = 0;
  const registry = new FinalizationRegistry(() => collected++);
  for (let i = 0; i < 10; i++) registry.register(await CompiledComponent.compile(transpiled, 1 << 24), null);
  await until("nearly all of them are collected", async () => {
    await usedHeap();
    return collected >= 8;
  });
});
