import type { CaseRequest, DifferentialCase } from "../case.ts";
import { to, typed } from "../routes.ts";

const GRPC_WEB = "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb";

type Headers = NonNullable<CaseRequest["headers"]>;

const web = (type: string, accept = type): Headers => [
  ["content-type", `application/grpc-web${type}`],
  ["accept", `application/grpc-web${accept}`],
  ["x-grpc-web", "1"],
];
/** Two messages, `a` and `bc`. */
const MESSAGES = "\0\0\0\0\x01a\0\0\0\0\x02bc";
const ANSWER = ["200 content-type=application/grpc trailer:grpc-status=0 trailer:grpc-message=fine"];

function grpcWeb(what: string, cluster: string, requests: readonly CaseRequest[]): DifferentialCase {
  return {
    name: `filters: gRPC-Web ${what}`,
    httpFilters: [typed("envoy.filters.http.grpc_web", GRPC_WEB)],
    routes: [to(cluster)],
    requests: requests.map((request) => ({ method: "POST", ...request })),
  };
}

/** The bridge from gRPC-Web to gRPC. */
export const GRPC_WEB_CASES: readonly DifferentialCase[] = [
  grpcWeb("of all forms", "h2", [
    ...["", "+proto", "-text", "-text+proto"].flatMap((type): CaseRequest[] => [
      { headers: web(type), body: type.startsWith("-text") ? btoa(MESSAGES) : MESSAGES, script: ANSWER },
      { headers: web(type), script: ANSWER },
      { headers: web(type, ""), script: ["200 content-type=application/grpc grpc-status=5 empty"] },
    ]),
    { headers: web("", "-text"), body: MESSAGES, script: ANSWER },
    { headers: web("-text", "/*"), body: btoa(MESSAGES), script: ANSWER },
    { headers: [...web(""), ["grpc-accept-encoding", "gzip"]], body: MESSAGES, script: ANSWER },
    { headers: web("+json"), script: ANSWER },
    { headers: [["content-type", "application/grpc"]], script: ANSWER },
  ]),
  grpcWeb("to what speaks no gRPC", "h2", [
    { headers: web(""), body: MESSAGES },
    { headers: web(""), script: ["404 content-type=text/html"] },
    { headers: web("-text"), script: ["503"] },
    { headers: web(""), script: ["503 empty"] },
    { headers: web(""), script: ["200 content-type=application/grpc-web+proto"] },
  ]),
  grpcWeb("to nobody", "empty", [{ headers: web(""), body: MESSAGES }, { headers: web("-text") }]),
  grpcWeb("that is no base64", "h2", [
    { headers: web("-text"), body: "AAA", script: ANSWER },
    { headers: web("-text"), body: "AAAA AAA", script: ANSWER },
    { headers: web("-text"), body: "AA==AAAA", script: ANSWER },
  ]),
];
