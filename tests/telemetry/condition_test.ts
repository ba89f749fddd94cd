import assert from "node:assert/strict";
import { compileCondition } from "../../lib/telemetry/condition.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import { fakeStreamInfo } from "../formatter/fake_stream_info.ts";

const source = {
  info: fakeStreamInfo({
    responseCode: 404,
    requestHeaders: new HeaderList(["x-debug", "1"]),
    responseFlags: "NR",
  }),
  peer: null,
  node: { CLUSTER_ID: "Kubernetes" },
};

Deno.test("decides comparisons of attributes", () => {
  const table: [string, boolean][] = [
    ["response.code >= 400", true],
    ["response.code >= 405", false],
    ["response.code == 404 && request.method == 'GET'", true],
    ["response.code == 404 && request.method == 'POST'", false],
    ["response.code < 200 || request.path.startsWith('/reviews')", true],
    ['!(response.code < 200) && request.host.contains("view")', true],
    ["!request.path.endsWith('full')", false],
    ["request.headers['X-Debug'] == '1'", true],
    ["request.headers['nope'] == '1'", false],
    ["!(request.headers['nope'] == '1')", false],
    ["request.headers['nope'] == '1' || response.code != 200", true],
    ["request.headers['nope'] != '1' && response.code != 200", false],
    ["node.metadata['CLUSTER_ID'] == 'Kubernetes'", true],
    ["connection.mtls == false", true],
    ["response.code == '404'", false],
  ];
  for (const [expression, holds] of table) {
    assert.equal(compileCondition(expression)?.(source), holds, expression);
  }
});

Deno.test("refuses every other expression", () => {
  const table = [
    "",
    "response.code",
    "response.code >=",
    ">= 400",
    "(response.code >= 400",
    "response.code >= 400)",
    "response.code + 1 == 2",
    "request.path.matches('a+')",
    "size(request.path) > 5",
    "nonsense.attribute == 1",
    "request.headers == 1",
    "response.code >= 400 response.code",
    "request.method constructor 1",
    "has(request.headers.x)",
    "'unclosed == 1",
    "!".repeat(100) + "true == true",
    "(".repeat(5000) + "1 == 1" + ")".repeat(5000),
  ];
  for (const expression of table) assert.equal(compileCondition(expression), null, expression.slice(0, 40));
});
