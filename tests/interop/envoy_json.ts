import { decode, isKnownMessage, messageName } from "../../lib/protobuf/registry.ts";

/**
 * A message as Envoy's JSON has it, from the form `lib/protobuf` reads: an Any is opened, wrappers and durations take
 * their JSON form. Field names stay in camel case, which Envoy takes.
 */
export function envoyJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(envoyJson);
  if (typeof value !== "object" || value === null) return value;
  const fields = value as Record<string, unknown>;
  if (typeof fields["typeUrl"] === "string") return openAny(fields["typeUrl"], fields["value"] as Uint8Array);
  const keys = Object.keys(fields);
  if (keys.length === 1 && keys[0] === "value" && typeof fields["value"] !== "object") return fields["value"];
  if (keys.length > 0 && keys.every((key) => key === "seconds" || key === "nanos")) {
    return `${Number(fields["seconds"] ?? 0) + Number(fields["nanos"] ?? 0) / 1e9}s`;
  }
  return Object.fromEntries(keys.map((key) => [key, envoyJson(fields[key])]));
}

function openAny(typeUrl: string, bytes: Uint8Array = new Uint8Array()): unknown {
  const name = messageName(typeUrl);
  if (!isKnownMessage(name)) throw new TypeError(`Cannot write '${typeUrl}' as JSON: it is not known here`);
  return { "@type": typeUrl, ...envoyJson(decode(name, bytes)) as object };
}
