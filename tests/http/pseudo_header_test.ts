import assert from "node:assert/strict";
import { HeaderList } from "../../lib/http/header_list.ts";
import { pseudoHeader } from "../../lib/http/pseudo_header.ts";
import { request } from "../support/calls.ts";

Deno.test("What is no field of a request is found by the names of HTTP/2, and by no other", () => {
  const asked = request({
    method: "PUT",
    scheme: "https",
    authority: "web:80",
    path: "/a?b",
    headers: new HeaderList(["x", "y"]),
  });
  const names = [":method", ":scheme", ":authority", "host", ":path", "x", ":status", ""];
  assert.deepEqual(names.map((name) => pseudoHeader(asked, name)), [
    "PUT",
    "https",
    "web:80",
    "web:80",
    "/a?b",
    undefined,
    undefined,
    undefined,
  ]);
});
