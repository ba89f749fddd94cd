import assert from "node:assert/strict";
import fc from "fast-check";
import { type Body, BytesBody, QueueBody } from "../../../lib/http/body.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import type { HttpResponse } from "../../../lib/http/message.ts";
import type { Context } from "../../../lib/proxy_wasm/context.ts";
import type { FailurePolicy } from "../../../lib/proxy_wasm/plugin_config.ts";
import type { ScriptedDeed, ScriptedStep } from "../../support/scripted_module.ts";
import { ScriptedRuntime } from "../../support/scripted_module.ts";
import { callOf, request as newRequest } from "../../support/calls.ts";
import { pluginConfig, TestEnvironment } from "../../support/wasm_rig.ts";
import { WasmHost } from "../../../lib/proxy_wasm/wasm_host.ts";

/** What happens around a stream. */
type Event =
  | "chunk up"
  | "end up"
  | "fail up"
  | "respond"
  | "refuse"
  | "chunk down"
  | "end down"
  | "continue request"
  | "continue response"
  | "reply"
  | "close"
  | "cancel";

const deeds: ScriptedDeed[] = ["nothing", "reply", "close", "continue request", "continue response", "trap"];
const events: Event[] = [
  "chunk up",
  "end up",
  "fail up",
  "respond",
  "refuse",
  "chunk down",
  "end down",
  "continue request",
  "continue response",
  "reply",
  "close",
  "cancel",
];

const step: fc.Arbitrary<ScriptedStep> = fc.record({
  deed: fc.oneof({ weight: 8, arbitrary: fc.constant("nothing" as const) }, fc.constantFrom(...deeds)),
  action: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat({ max: 5 })),
});

async function turn(): Promise<void> {
  for (let i = 0; i < 15; i++) await Promise.resolve();
}

/** Reads to the end, or to an error, in the background. */
function drain(body: Body | null): void {
  if (body === null) return;
  const next = (): void => void body.read().then((chunk) => chunk === null ? undefined : next(), () => {});
  next();
}

Deno.test("whatever a module, the two peers and chance do, a stream has one outcome and one end", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 8 }),
      fc.array(fc.constantFrom(...events), { maxLength: 14 }),
      fc.constantFrom<FailurePolicy>("closed", "open"),
      fc.boolean(),
      fc.constantFrom("none", "whole", "stream"),
      async (steps, happenings, failurePolicy, allowOnHeadersStopIteration, content) => {
        const environment = new TestEnvironment();
        const runtime = new ScriptedRuntime();
        const host = new WasmHost({ environment, runtimes: new Map([["v8", runtime]]) });
        const config = pluginConfig(new Uint8Array(8), { failurePolicy, allowOnHeadersStopIteration });
        const lease = host.acquire(config);
        await lease.handle.settled;
        const root = lease.handle.root!;
        const { vm } = root;
        runtime.steps = [...steps];

        const up = new QueueBody(null, { consumed: () => {}, cancelled: () => {} });
        const down = new QueueBody(null, { consumed: () => {}, cancelled: () => {} });
        const upstream = Promise.withResolvers<HttpResponse>();
        upstream.promise.catch(() => {});
        const request = newRequest({
          body: content === "none" ? null : content === "whole" ? new BytesBody(new Uint8Array(10)) : up,
        });
        const call = callOf(request);
        let forwarded = 0;
        const layer = host.layer(config, "wasm")((request, call) => {
          forwarded++;
          call.onAbandon = (reason) => upstream.reject(reason);
          call.exchange.onCancel((reason) => upstream.reject(reason));
          drain(request.body);
          return upstream.promise;
        });
        let outcomes = 0;
        let response: HttpResponse | null = null;
        layer(request, call).then((value) => {
          outcomes++;
          response = value;
          drain(value.body);
        }, () => outcomes++);
        const stream = (): Context | undefined => vm.find(root.id + 1);
        for (const event of happenings) {
          await turn();
          switch (event) {
            case "chunk up":
              up.push(new Uint8Array(5));
              break;
            case "end up":
              up.end(new HeaderList(["x-t", "1"]));
              break;
            case "fail up":
              up.fail(new Error("Cannot read: the caller is gone"));
              break;
            case "respond":
              upstream.resolve({ status: 200, headers: new HeaderList(), body: down });
              break;
            case "refuse":
              upstream.reject(new Error("Cannot reach the upstream"));
              break;
            case "chunk down":
              down.push(new Uint8Array(5));
              break;
            case "end down":
              down.end();
              break;
            case "continue request":
              stream()?.continueStream(0);
              break;
            case "continue response":
              stream()?.continueStream(1);
              break;
            case "reply":
              stream()?.sendLocalResponse({
                status: 418,
                details: "",
                body: new Uint8Array(3),
                headers: [],
                grpcStatus: null,
              });
              break;
            case "close":
              stream()?.closeStream(1);
              break;
            case "cancel":
              call.exchange.cancel(new Error("Cannot wait: the caller gave up"));
          }
        }
        await turn();
        // Whatever still waits comes to its end: the peers end, the module continues, the caller gives up.
        up.end();
        down.end();
        upstream.resolve({ status: 200, headers: new HeaderList(), body: null });
        for (let i = 0; i < 6; i++) {
          await turn();
          stream()?.continueStream(0);
          stream()?.continueStream(1);
        }
        await turn();
        if (outcomes === 0) call.exchange.cancel(new Error("Cannot wait: the caller gave up"));
        await turn();
        assert.equal(outcomes, 1, "one outcome");
        call.exchange.complete();
        for (let i = 0; i < 6 && stream() !== undefined; i++) {
          stream()!.continueStream(1);
          await turn();
        }
        assert.equal(stream(), undefined, "the stream is gone");
        assert.ok(forwarded <= 1);

        const own = runtime.calls.filter((line) => / 2( |$)/.test(line)).map((line) => line.split(" ")[0]!);
        const trapped = vm.failure !== null;
        if (!trapped) {
          assert.equal(own[0], "context_create");
          assert.deepEqual(own.slice(-3), ["log", "done", "delete"]);
          for (const name of ["context_create", "log", "done", "delete"]) {
            assert.equal(own.filter((it) => it === name).length, 1, name);
          }
        }
        // Callbacks come in order: no headers after content, nothing of the request after its trailers.
        for (const direction of ["request", "response"]) {
          const order = own.filter((name) => name.startsWith(`${direction}_`)).map((name) =>
            ["headers", "body", "trailers"].indexOf(name.slice(direction.length + 1))
          );
          assert.deepEqual(order, order.toSorted(), `${direction} in order`);
          assert.ok(order.filter((it) => it === 0).length <= 1);
          assert.ok(order.filter((it) => it === 2).length <= 1);
        }
        if (trapped && failurePolicy === "closed" && forwarded === 0 && response !== null) {
          assert.ok([403, 418, 503].includes((response as HttpResponse).status));
        }
        host.close();
        await turn();
        assert.equal(host.vms, 0, "the VM is gone");
      },
    ),
    { numRuns: 1500 },
  );
});
