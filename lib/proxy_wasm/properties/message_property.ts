import { pseudoHeader } from "../../http/pseudo_header.ts";
import { parseGrpcStatus } from "../../formatter/grpc_status.ts";
import type { Call } from "../../http/call.ts";
import type { HeaderList } from "../../http/header_list.ts";
import { nanoseconds } from "../nanoseconds.ts";
import type { PropertyMap, PropertyValue } from "../property_value.ts";

/** Envoy's response flags in the order of their bits (`StreamInfo::CoreResponseFlag`). */
// deno-fmt-ignore
const FLAG_BITS = [
  "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC", "URX", "SI", "IH",
  "DPE", "UMSDR", "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DO",
];

/** An attribute of the request (`request.*`). */
export function requestProperty(call: Call, key: string): PropertyValue | undefined {
  const { request, exchange } = call;
  const { headers, path } = request;
  const query = path.indexOf("?");
  switch (key) {
    case "path":
      return path;
    case "url_path":
      return query < 0 ? path : path.slice(0, query);
    case "query":
      return query < 0 ? "" : path.slice(query + 1).split("#", 1)[0]!;
    case "host":
      return request.authority;
    case "scheme":
      return request.scheme;
    case "method":
      return request.method;
    case "protocol":
      return request.protocol;
    case "headers":
      return headersProperty(headers, (name) => pseudoHeader(request, name));
    case "headers_bytes":
      return exchange.requestHeaderBytes || bytesOf(headers);
    case "referer":
      return headers.get("referer");
    case "useragent":
      return headers.get("user-agent");
    case "id":
      return headers.get("x-request-id");
    case "time":
      return nanoseconds(call.startTime);
    case "duration":
      return call.durationMs === null ? undefined : nanoseconds(call.durationMs);
    case "size": {
      const length = headers.get("content-length");
      if (length === undefined) return exchange.requestBodyBytes || (request.body?.length ?? 0);
      return /^[0-9]{1,15}$/.test(length) ? Number(length) : undefined;
    }
    case "total_size":
      return exchange.requestBodyBytes + bytesOf(headers) + path.length + request.method.length +
        request.authority.length + request.scheme.length + PSEUDO_NAMES;
  }
  return undefined;
}

/** `:authority`, `:path`, `:method` and `:scheme`. */
const PSEUDO_NAMES = 29;

/** An attribute of the response (`response.*`). */
export function responseProperty(call: Call, key: string): PropertyValue | undefined {
  const { response, exchange } = call;
  const headers = response?.headers ?? null;
  const trailers = response?.body?.trailers ?? null;
  switch (key) {
    case "code":
      return response?.status;
    case "code_details":
      return call.responseCodeDetails ?? undefined;
    case "flags":
      return flagBits(call);
    case "grpc_status":
      return call.grpcStatus ?? parseGrpcStatus(trailers?.get("grpc-status") ?? headers?.get("grpc-status")) ??
        undefined;
    case "headers":
      return headersProperty(
        headers,
        (name) => name === ":status" && response !== null ? `${response.status}` : undefined,
      );
    case "headers_bytes":
      return headers === null ? undefined : exchange.responseHeaderBytes || bytesOf(headers);
    case "trailers":
      return headersProperty(trailers, () => undefined);
    case "size":
      return exchange.responseBodyBytes;
    case "total_size":
      return exchange.responseBodyBytes + (headers === null ? 0 : bytesOf(headers)) +
        (trailers === null ? 0 : bytesOf(trailers));
  }
  return undefined;
}

function flagBits(call: Call): number {
  let bits = 0;
  for (const [bit, flag] of FLAG_BITS.entries()) if (call.hasFlag(flag)) bits += 2 ** bit;
  return bits;
}

/** Headers by name, the values of one name joined. */
function headersProperty(headers: HeaderList | null, pseudo: (name: string) => string | undefined): PropertyMap {
  return {
    kind: "map",
    get: (key) => {
      const name = key.toLowerCase();
      return headers?.getJoined(name) ?? pseudo(name);
    },
    entries: () => headers?.entries() ?? [],
  };
}

function bytesOf({ pairs }: HeaderList): number {
  let size = 0;
  for (const text of pairs) size += text.length;
  return size;
}
