import assert from "node:assert/strict";
import { headProblem } from "../../lib/http/head_problem.ts";

Deno.test("parts of a request's head", () => {
  const good = {
    method: ["GET", "M-SEARCH", "propfind"],
    authority: ["a", "a.b:80", "[::1]:80", "10.0.0.1", "a%20b", "user@host"],
    path: ["/", "*", "/a?b=c&d", "/%20", "/\xe9", "//"],
  } as const;
  const bad = {
    method: ["", "G ET", "GET\r\n"],
    authority: ["", "a b", "a/b", "a\r\n", "a?b", "a#b"],
    path: ["", "a", "/a b", "/\r\nx: y", "/#f", "http://a/", "/\0"],
  } as const;
  for (const part of ["method", "authority", "path"] as const) {
    for (const value of good[part]) assert.equal(headProblem(part, value), null, `${part} ${value}`);
    for (const value of bad[part]) assert.match(headProblem(part, value)!, new RegExp(`is no ${part}$`));
  }
});
