import assert from "node:assert/strict";
import { CompiledComponent } from "../../lib/component/compiled_component.ts";
import { transpile } from "../../lib/component/transpile.ts";
import type { TranspiledComponent } from "../../lib/component/transpiled_component.ts";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { watComponent } from "../support/wat_component.ts";

await parse("(module)");

Deno.test("a name of a module that would become JavaScript is refused before any of it runs", async (t) => {
  const names = [
    `x',a:globalThis.constructor.constructor('return 1')(),'b`,
    "x`${1}`",
    "x\\",
    'x"',
    "a\nb",
    "*/",
    "\u2028",
  ];
  const fine = await transpile(await watComponent());
  for (const name of names) {
    for (const kind of ["export", "import"]) {
      await t.step(`${kind} ${JSON.stringify(name)}`, async () => {
        const text = [...new TextEncoder().encode(name)].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join(
          "",
        );
        const module = new Uint8Array(
          await parse(
            kind === "export" ? `(module (func (export "${text}")))` : `(module (import "${text}" "f" (func)))`,
          ),
        );
        const component: TranspiledComponent = {
          ...fine,
          modules: new Map([...fine.modules, ["evil.wasm", module]]),
          glue: "throw new Error('Evaluated')",
        };
        await assert.rejects(
          CompiledComponent.compile(component, 1 << 24),
          /which would not stay a name in JavaScript/,
        );
      });
    }
  }
});

Deno.test("jco does write names as they are, which is why they are checked", async () => {
  const component = new Uint8Array(
    await parse(`(component
      (core module $a (func (export "it's") (result i32) i32.const 1))
      (core instance $ia (instantiate $a))
      (func (export "run") (result u32) (canon lift (core func $ia "it's")))
    )`),
  );
  const { glue } = await transpile(component);
  assert.match(glue, /\['it's'\]/);
});

Deno.test("the glue sees no environment and writes no line", async () => {
  const component = await transpile(await watComponent());
  const glue =
    `${component.glue}\n;if (globalThis.process || globalThis.Deno) throw new Error("Seen");console.error("line");`;
  await CompiledComponent.compile({ ...component, glue }, 1 << 24);
});
