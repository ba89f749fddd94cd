import { formatGrpcTimeout } from "../../grpc/grpc_timeout.ts";
import type { Body } from "../../http/body.ts";
import { HeaderList } from "../../http/header_list.ts";
import type { HttpRequest } from "../../http/message.ts";
import { isFieldName, isFieldValue, isTarget } from "../http/field_syntax.ts";
import type { GrpcTarget } from "./grpc_target.ts";

/** Fields that gRPC and HTTP set by themselves. */
const RESERVED: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "content-type",
  "grpc-timeout",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/** What a call says of itself. */
export interface GrpcRequestOptions {
  readonly target: GrpcTarget;
  readonly service: string;
  readonly method: string;
  /** Initial metadata, flat; values of `-bin` keys are the bytes themselves. */
  readonly metadata: readonly string[];
  /** `null` for no limit. */
  readonly timeoutMs: number | null;
}

/** The request of a gRPC call; `null` where a part of it cannot be sent. */
export function grpcRequest(
  { target, service, method, metadata, timeoutMs }: GrpcRequestOptions,
  body: Body,
): HttpRequest | null {
  const path = `/${service}/${method}`;
  if (!isTarget(service) || !isTarget(method) || !isTarget(target.authority)) return null;
  const headers = ["te", "trailers", "content-type", "application/grpc"];
  if (timeoutMs !== null) headers.push("grpc-timeout", formatGrpcTimeout(timeoutMs));
  for (let i = 0; i < metadata.length; i += 2) {
    const name = metadata[i]!.toLowerCase();
    const value = name.endsWith("-bin") ? btoa(metadata[i + 1]!) : metadata[i + 1]!;
    // The call goes where its target says, whatever pseudo-headers a module adds.
    if (name.startsWith(":") || RESERVED.has(name)) continue;
    if (!isFieldName(name) || !isFieldValue(value)) return null;
    headers.push(name, value);
  }
  headers.push(...target.metadata);
  return {
    method: "POST",
    scheme: "http",
    authority: target.authority,
    path,
    headers: new HeaderList(headers),
    body,
    protocol: "HTTP/2",
  };
}
