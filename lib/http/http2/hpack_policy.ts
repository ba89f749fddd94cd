import { isFieldName } from "./hpack_field.ts";

/** How the encoder treats a field, by its name. */
export type FieldPolicy =
  /** Enters the dynamic table once its value has come twice. */
  | "index"
  /** Rarely has the same value again: sent as it is. */
  | "volatile"
  /** A secret: kept out of every table on the way (RFC 7541 section 7.1.3). */
  | "never"
  /** Has no place in HTTP/2 (RFC 9113 section 8.2.2) and is left out. */
  | "skip"
  /** No field may be called that. */
  | "invalid";

const POLICIES: ReadonlyMap<string, FieldPolicy> = new Map<string, FieldPolicy>([
  ["authorization", "never"],
  ["proxy-authorization", "never"],
  ["cookie", "never"],
  ["set-cookie", "never"],
  ["connection", "skip"],
  ["proxy-connection", "skip"],
  ["keep-alive", "skip"],
  ["transfer-encoding", "skip"],
  ["upgrade", "skip"],
  ["host", "skip"],
  ["content-length", "volatile"],
  ["x-request-id", "volatile"],
  ["traceparent", "volatile"],
  ["tracestate", "volatile"],
  ["x-b3-traceid", "volatile"],
  ["x-b3-spanid", "volatile"],
  ["x-b3-parentspanid", "volatile"],
  ["b3", "volatile"],
  ["grpc-timeout", "volatile"],
  ["x-envoy-upstream-service-time", "volatile"],
  ["x-envoy-expected-rq-timeout-ms", "volatile"],
]);

/** The policy a name begins with. */
export function fieldPolicy(name: string): FieldPolicy {
  const policy = POLICIES.get(name);
  if (policy !== undefined) return policy;
  return isFieldName(name.charCodeAt(0) === 58 ? name.slice(1) : name) ? "index" : "invalid";
}
