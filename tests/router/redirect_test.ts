import assert from "node:assert/strict";
import type { RedirectAction } from "../../lib/resource/route.ts";
import { compileRedirect } from "../../lib/router/redirect.ts";
import { request } from "../support/calls.ts";
import { routeMatch } from "../support/resource_objects.ts";

const PLAIN: RedirectAction = {
  kind: "redirect",
  scheme: null,
  host: null,
  port: null,
  path: null,
  prefixRewrite: null,
  regexRewrite: null,
  status: 301,
  stripQuery: false,
};

/** What the redirect changes, the request, the location. */
const TABLE: readonly [Partial<RedirectAction>, { authority: string; path: string }, string][] = [
  [{ host: "b.com" }, { authority: "a.com:8080", path: "/x?y" }, "http://b.com/x?y"],
  [{ scheme: "https" }, { authority: "a.com", path: "/" }, "https://a.com/"],
  [{ scheme: "https" }, { authority: "a.com:80", path: "/" }, "https://a.com/"],
  [{ scheme: "https" }, { authority: "a.com:8080", path: "/" }, "https://a.com:8080/"],
  [{ port: 8443 }, { authority: "a.com:80", path: "/" }, "http://a.com:8443/"],
  [{ port: 8443 }, { authority: "[::1]:80", path: "/" }, "http://[::1]:8443/"],
  [{ path: "/new" }, { authority: "a.com", path: "/x?y" }, "http://a.com/new?y"],
  [{ path: "/new?z" }, { authority: "a.com", path: "/x?y" }, "http://a.com/new?z"],
  [{ path: "/new", stripQuery: true }, { authority: "a.com", path: "/x?y" }, "http://a.com/new"],
  [{ stripQuery: true }, { authority: "a.com", path: "/x?y" }, "http://a.com/x"],
  [{ prefixRewrite: "/v2" }, { authority: "a.com", path: "/api/x?y" }, "http://a.com/v2/x?y"],
  [
    { regexRewrite: { pattern: "/([a-z]+)/.*", substitution: "/\\1" } },
    { authority: "a.com", path: "/api/x?y" },
    "http://a.com/api?y",
  ],
];

for (const [change, of, location] of TABLE) {
  Deno.test(`${JSON.stringify(change)} of ${of.authority}${of.path}`, () => {
    const match = routeMatch({ path: { kind: "prefix", value: "/api" } });
    assert.equal(compileRedirect({ ...PLAIN, ...change }, match)(request(of)), location);
  });
}
