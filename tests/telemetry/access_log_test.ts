import assert from "node:assert/strict";
import { silentLogger } from "../../lib/internal/logger.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { AccessLog, type AccessLogSettings } from "../../lib/telemetry/access_log.ts";
import { ISTIO_JSON_FORMAT, ISTIO_TEXT_FORMAT } from "../../lib/telemetry/access_log_format.ts";
import { type LogSink, LogWriters } from "../../lib/telemetry/log_writer.ts";
import type { StreamInfo } from "../../lib/formatter/stream_info.ts";
import { fakeStreamInfo } from "../formatter/fake_stream_info.ts";

class MemorySink implements LogSink {
  readonly text: Record<string, string> = {};
  writes = 0;

  write(path: string, bytes: Uint8Array): Promise<void> {
    this.writes++;
    this.text[path] = (this.text[path] ?? "") + new TextDecoder().decode(bytes);
    return Promise.resolve();
  }
}

function log(settings: Partial<AccessLogSettings>, infos: Partial<StreamInfo>[]): Promise<string> {
  const sink = new MemorySink();
  const writers = new LogWriters(sink, new FakeClock(), silentLogger);
  const path = "/dev/stdout";
  const full = { path, format: null, responseFlagFilter: null, expression: null, ...settings };
  const accessLog = new AccessLog(full, writers.get(path));
  for (const info of infos) accessLog.write({ info: fakeStreamInfo(info), peer: null, node: {} });
  return writers.flush().then(() => sink.text[path] ?? "");
}

Deno.test("writes Istio's text and JSON lines", async () => {
  assert.equal(
    await log({ format: { text: ISTIO_TEXT_FORMAT } }, [{}]),
    '[2026-11-24T03:42:00.687Z] "GET /reviews/1?full HTTP/1.1" 200 - via_upstream - "-" 0 379 12 11 "-" "curl/7.88.1" ' +
      '"a38064e2-f292-4ceb-8ca2-5aad556e2905" "reviews:9080" "10.0.0.7:9080" ' +
      "outbound|9080||reviews.default.svc.cluster.local 10.0.0.1:41234 10.96.0.9:9080 10.0.0.1:55000 - default\n",
  );
  const json = await log({ format: { json: ISTIO_JSON_FORMAT } }, [{}]);
  assert.match(json, /^\{"authority":"reviews:9080","bytes_received":0,.*"x_forwarded_for":null\}\n$/);
  assert.equal(JSON.parse(json).response_code, 200);
});

Deno.test("writes Envoy's default where no format is given", async () => {
  assert.equal(
    await log({}, [{}]),
    '[2026-11-24T03:42:00.687Z] "GET /reviews/1?full HTTP/1.1" 200 - 0 379 12 11 "-" "curl/7.88.1" ' +
      '"a38064e2-f292-4ceb-8ca2-5aad556e2905" "reviews:9080" "10.0.0.7:9080"\n',
  );
});

Deno.test("filters by response flag and by expression", async () => {
  const format = { text: "%RESPONSE_CODE% %RESPONSE_FLAGS%\n" };
  const infos = [
    { responseCode: 200 },
    { responseCode: 404, responseFlags: "NR" },
    { responseCode: 503, responseFlags: "UF,URX" },
  ];
  assert.equal(await log({ format, responseFlagFilter: ["NR", "URX"] }, infos), "404 NR\n503 UF,URX\n");
  assert.equal(await log({ format, responseFlagFilter: [] }, infos), "404 NR\n503 UF,URX\n");
  assert.equal(await log({ format, expression: "response.code >= 500" }, infos), "503 UF,URX\n");
});

Deno.test("a configuration that cannot be followed is reported and stops nothing", async () => {
  const reported: string[] = [];
  const sink = new MemorySink();
  const writers = new LogWriters(sink, new FakeClock(), { log: (_, message) => reported.push(message) });
  const settings = { path: "x", format: null, responseFlagFilter: null, expression: null };
  const source = { info: fakeStreamInfo(), peer: null, node: {} };
  new AccessLog({ ...settings, format: { text: "all\n" }, expression: "a.b(c)" }, writers.get("x")).write(source);
  new AccessLog({ ...settings, format: { text: "%NONSENSE%\n" } }, writers.get("x")).write(source);
  await writers.flush();
  assert.equal(sink.text["x"], "all\n", "unfiltered, and without a line of the broken format");
  assert.match(reported[0]!, /^Cannot write access log 'x' as configured: its filter 'a\.b\(c\)' is left out/);
  assert.match(reported[1]!, /^Cannot write access log 'x' as configured: Cannot use operator '%NONSENSE%'/);
});
