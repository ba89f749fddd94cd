import type { DifferentialCase } from "../case.ts";
import { header, to } from "../routes.ts";

const GRPC = [["content-type", "application/grpc"], ["te", "trailers"]] as const;
const call = (step: string) => ({ method: "POST", body: "x", headers: GRPC, http2: true, script: [step] });

/** What comes behind the content. */
export const TRAILER_CASES: readonly DifferentialCase[] = [
  {
    name: "trailers: over HTTP/2 on both sides",
    routes: [to("h2")],
    requests: [
      { http2: true },
      { http2: true, script: ["200 trailer:x-a=1 trailer:x-b=2"] },
      { http2: true, script: ["200 empty trailer:x-a=1"] },
      { http2: true, script: ["200 trailer:x-a=1 trailer:x-a=2"] },
      { http2: true, method: "HEAD", script: ["200"] },
      { http2: true, method: "POST", body: "content" },
      { http2: true, script: ["404"] },
      { http2: true, script: ["204"] },
      { http2: true, script: ["reset"] },
      call("200 trailer:grpc-status=0"),
      call("200 trailer:grpc-status=5 trailer:grpc-message=no trailer:x-detail-bin=AAE="),
      call("200 empty grpc-status=14 grpc-message=no"),
      call("503"),
      call("reset"),
    ],
  },
  {
    name: "trailers: over HTTP/2 to the caller only",
    routes: [to("a")],
    requests: [
      { http2: true },
      { http2: true, method: "POST", body: "content" },
      call("200 grpc-status=0"),
      call("503"),
    ],
  },
  {
    name: "trailers: local replies to gRPC have none",
    routes: [
      { match: { prefix: "/direct" }, direct_response: { status: 404 } },
      to("dead", { prefix: "/dead" }),
      to("nowhere", { prefix: "/nowhere" }),
      to("h2", { prefix: "/slow" }, { timeout: "0.2s" }),
    ],
    routeConfig: { validate_clusters: false },
    requests: ["/direct", "/dead", "/nowhere", "/slow", "/none"].map((path) => ({
      ...call("delay:2000 200"),
      path,
    })),
  },
  {
    name: "trailers: changes of headers leave them alone",
    routes: [{ ...to("h2"), response_headers_to_add: [header("x-a", "added")], response_headers_to_remove: ["x-b"] }],
    requests: [{ http2: true, script: ["200 x-b=1 trailer:x-a=1 trailer:x-b=2"] }],
  },
];
