import assert from "node:assert/strict";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HeaderMutations, HeaderValueOption } from "../../lib/resource/common.ts";
import { compileHeaderMutations, orderLevels } from "../../lib/router/header_mutator.ts";
import { callOf, request } from "../support/calls.ts";
import { noHeaders } from "../support/resource_objects.ts";

function set(
  name: string,
  value: string,
  action: HeaderValueOption["action"] = "overwrite_if_exists_or_add",
  keepEmptyValue = false,
): HeaderValueOption {
  return { name, value, action, keepEmptyValue };
}

function apply(levels: HeaderMutations[], ...pairs: string[]): string[] {
  const headers = new HeaderList(pairs);
  compileHeaderMutations(levels).request?.(headers, callOf(request({ authority: "me" })));
  return headers.pairs;
}

function level(requestAdd: HeaderValueOption[], requestRemove: string[] = []): HeaderMutations {
  return { ...noHeaders, requestAdd, requestRemove };
}

Deno.test("The four actions", () => {
  const actions = [
    "append_if_exists_or_add",
    "add_if_absent",
    "overwrite_if_exists_or_add",
    "overwrite_if_exists",
  ] as const;
  const outcome = (...pairs: string[]) =>
    actions.map((action) => apply([level([set("a", "new", action)])], ...pairs).join());
  assert.deepEqual(outcome("a", "old"), ["a,old,a,new", "a,old", "a,new", "a,new"]);
  assert.deepEqual(outcome(), ["a,new", "a,new", "a,new", ""]);
});

Deno.test("Removals of a level come before its additions", () => {
  assert.deepEqual(apply([level([set("a", "2", "append_if_exists_or_add")], ["a"])], "a", "1"), ["a", "2"]);
});

Deno.test("Additions of a level do not see each other, and what overwrites is written first", () => {
  const additions = [
    set("a", "1", "append_if_exists_or_add"),
    set("a", "2", "add_if_absent"),
    set("b", "%REQ(a)%", "append_if_exists_or_add", true),
    set("a", "3"),
  ];
  assert.deepEqual(apply([level(additions)]), ["a", "3", "a", "1", "a", "2", "b", ""]);
});

Deno.test("Values are formats; an empty outcome is left out unless kept", () => {
  assert.deepEqual(apply([level([set("h", "%REQ(:AUTHORITY)%-x")])]), ["h", "me-x"]);
  assert.deepEqual(apply([level([set("h", "%REQ(NOPE)%")])]), []);
  assert.deepEqual(apply([level([set("h", "%REQ(NOPE)%", "add_if_absent", true)])]), ["h", ""]);
});

Deno.test("The least specific level wins, unless the configuration says otherwise", () => {
  const levels = {
    weightedCluster: level([set("a", "cluster")]),
    route: level([set("a", "route")]),
    virtualHost: level([set("a", "host")]),
    configuration: level([set("a", "configuration")]),
  };
  assert.deepEqual(apply(orderLevels(levels, false)), ["a", "configuration"]);
  assert.deepEqual(apply(orderLevels(levels, true)), ["a", "route"]);
});
