import type { HeaderList } from "../http/header_list.ts";

/**
 * Sees to it that a request has an `x-request-id`: a version 4 UUID where the caller sent none, the caller's otherwise
 * (Envoy with `use_remote_address: false`, as Istio's sidecars run). Returns the id.
 *
 * @param headers Headers of the request.
 * @param uuid Makes UUIDs.
 * @default {crypto.randomUUID} for `uuid`
 */
export function ensureRequestId(headers: HeaderList, uuid: () => string = randomUuid): string {
  const given = headers.get("x-request-id");
  if (given !== undefined && given !== "") return given;
  const id = uuid();
  headers.set("x-request-id", id);
  return id;
}

function randomUuid(): string {
  return crypto.randomUUID();
}
