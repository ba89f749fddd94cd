import assert from "node:assert/strict";
import { headerMutationFilter } from "../../filters/header_mutation.ts";
import type {
  EnvoyExtensionsFiltersHttpHeader_mutationV3HeaderMutation as Config,
  EnvoyExtensionsFiltersHttpHeader_mutationV3Mutations as Mutations,
} from "../../lib/protobuf/gen/messages.ts";
import { encode } from "../../lib/protobuf/registry.ts";
import { FILTER_DISABLED } from "../../lib/resource/filter_parsers.ts";
import { fakeCall, fakeContext, fakeRequest, fakeResponse, fakeRoute, layerOf } from "./fake_call.ts";

const NAME = "envoy.filters.http.header_mutation";
const TYPE = "envoy.extensions.filters.http.header_mutation.v3";

const bytes = (config: Config) => encode(`${TYPE}.HeaderMutation`, config);
const ofRoute = (mutations: Mutations) =>
  headerMutationFilter.perRoute!.parse(encode(`${TYPE}.HeaderMutationPerRoute`, { mutations }));
const append = (key: string, value: string) => ({ append: { header: { key, value } } });

async function run(
  config: Config,
  headers: string[],
  answer: string[] = [],
  route?: object,
): Promise<[string[], string[]]> {
  const context = fakeContext();
  const request = fakeRequest(headers);
  const call = fakeCall(request, context);
  if (route !== undefined) call.chosen = fakeRoute({ [NAME]: route });
  const handler = layerOf(headerMutationFilter, bytes(config), context)(() =>
    Promise.resolve(fakeResponse(200, answer))
  );
  const response = await handler(request, call);
  return [request.headers.pairs, response.headers.pairs];
}

Deno.test("changes headers of requests and responses, in the order given", async () => {
  const [request, response] = await run({
    mutations: {
      requestMutations: [{ remove: "x-a" }, append("x-b", "1"), { remove: "x-b" }, append("x-c", "%REQ(:PATH)%")],
      responseMutations: [append("x-out", "%RESPONSE_CODE%")],
    },
  }, ["x-a", "1", "x-keep", "1"]);
  assert.deepEqual(request, ["x-keep", "1", "x-c", "/items"]);
  assert.deepEqual(response, ["x-out", "200"]);
});

Deno.test("removes every header whose name matches, and copies by expression", async () => {
  const [request] = await run({
    mutations: {
      requestMutations: [
        { removeOnMatch: { keyMatcher: { prefix: "x-internal-" } } },
        {
          regexCopy: {
            sourceHeader: "x-from",
            targetHeader: "x-to",
            expression: { pattern: { regex: "^(\\w+)@.*" }, substitution: "\\1" },
          },
        },
      ],
    },
  }, ["x-internal-a", "1", "x-from", "alice@example", "x-internal-b", "2"]);
  assert.deepEqual(request, ["x-from", "alice@example", "x-to", "alice"]);
});

Deno.test("adds what the route says, and is off where the route says so", async () => {
  const config: Config = { mutations: { requestMutations: [append("x-order", "filter")] } };
  const [request] = await run(config, [], [], ofRoute({ requestMutations: [append("x-order", "route")] }));
  assert.deepEqual(request, ["x-order", "filter", "x-order", "route"]);
  assert.deepEqual((await run(config, [], [], FILTER_DISABLED))[0], []);
});

Deno.test("refuses what is not valid and reports what is not supported", () => {
  const parse = (mutations: Mutations) => headerMutationFilter.parse(bytes({ mutations }));
  assert.throws(() => parse({ requestMutations: [{}] }), /request_mutations\[0\]': it must say what to change/);
  assert.throws(() => parse({ requestMutations: [{ remove: ":path" }] }), /may not be changed/);
  assert.deepEqual(parse({ queryParameterMutations: [{}] }).unsupported, [
    "mutations.query_parameter_mutations: query parameter mutations",
  ]);
});
