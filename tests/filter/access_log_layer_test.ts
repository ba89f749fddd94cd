import assert from "node:assert/strict";
import { accessLogLayer } from "../../lib/filter/access_log_layer.ts";
import type { Logger } from "../../lib/internal/logger.ts";
import { LogWriters } from "../../lib/telemetry/log_writer.ts";
import { fakeCall, fakeContext, fakeRequest, fakeResponse } from "../filters/fake_call.ts";

Deno.test("writes a line once a request is over, and leaves broken logs out", async () => {
  const written: string[] = [];
  const reported: string[] = [];
  const logger: Logger = { log: (_, message) => reported.push(message) };
  const sink = {
    write(path: string, bytes: Uint8Array) {
      written.push(`${path} ${new TextDecoder().decode(bytes)}`);
      return Promise.resolve();
    },
  };
  const clock = fakeContext().clock;
  const logs = new LogWriters(sink, clock, logger);
  const context = fakeContext({ logs, logger, hostname: "pod-1" });
  const settings = { path: "/dev/stdout", responseFlagFilter: null, expression: null };
  const layer = accessLogLayer([
    { ...settings, format: { text: "%HOSTNAME% %REQ(:METHOD)% %RESPONSE_CODE% %DURATION%\n" } },
    { ...settings, format: { text: "%NONSENSE%\n" } },
    { ...settings, format: { text: "second\n" }, expression: "matches(x)" },
  ], context);
  const request = fakeRequest();
  const call = fakeCall(request, context);
  call.response = await layer(() => Promise.resolve(fakeResponse(204)))(request, call);
  await logs.flush();
  assert.deepEqual(written, [], "not before it is over");
  await context.clock.advance(7);
  call.exchange.complete();
  await logs.flush();
  assert.deepEqual(written, ["/dev/stdout pod-1 GET 204 7\nsecond\n"]);
  assert.equal(call.durationMs, 7);
  assert.match(reported[0]!, /^Cannot write access log '\/dev\/stdout': Cannot use operator '%NONSENSE%'/);
  assert.match(reported[1]!, /^Cannot filter access log '\/dev\/stdout': access log filter 'matches\(x\)'/);
});
