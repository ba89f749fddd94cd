import type { Json } from "../protobuf/well_known.ts";

/** An address range, parsed. */
export interface CidrRange {
  /** The network address as 16 bytes (IPv4 is mapped to IPv6) or 4 bytes. */
  readonly address: Uint8Array;
  readonly prefixLength: number;
  /** As written, for messages. */
  readonly text: string;
}

/** Static metadata: `filter_metadata` of Envoy, namespace by namespace. */
export type Metadata = Readonly<Record<string, Readonly<Record<string, Json>>>>;

/** One change of a header, with its value as an unparsed substitution format. */
export interface HeaderValueOption {
  /** Lower case. */
  readonly name: string;
  readonly value: string;
  readonly action: "append_if_exists_or_add" | "add_if_absent" | "overwrite_if_exists_or_add" | "overwrite_if_exists";
  readonly keepEmptyValue: boolean;
}

/** Header changes of a route, virtual host, route configuration or weighted cluster. */
export interface HeaderMutations {
  readonly requestAdd: readonly HeaderValueOption[];
  readonly requestRemove: readonly string[];
  readonly responseAdd: readonly HeaderValueOption[];
  readonly responseRemove: readonly string[];
}

/** How a string is compared, before compilation (`matcher/` compiles it). */
export type StringMatch =
  & ({ readonly kind: "exact" | "prefix" | "suffix" | "contains" | "regex"; readonly value: string })
  & { readonly ignoreCase: boolean };

/** A fraction, numerator over denominator (100, 10,000 or 1,000,000). */
export interface FractionalPercent {
  readonly numerator: number;
  readonly denominator: number;
}

/** Where an access log goes and in what form. */
export interface AccessLogConfig {
  /** `/dev/stdout`, `/dev/stderr` or a path. */
  readonly path: string;
  /** A text format, a JSON object of formats, or `null` for the default format. */
  readonly format: { readonly text: string } | { readonly json: { readonly [key: string]: Json } } | null;
  /** Only requests carrying one of these flags (an empty list: any flag) are logged; `null` logs all. */
  readonly responseFlagFilter: readonly string[] | null;
  /** A CEL expression that must hold; `null` for none. */
  readonly expression: string | null;
}

/**
 * Something in a resource that is well-formed and not supported. The resource is applied without it or refuses at that
 * place; the update is reported by resource name (NACK), the rest of it still applied.
 */
export interface Unsupported {
  /** Where in the resource, in Envoy's field names. */
  readonly path: string;
  /** What it is: filter name or type URL. */
  readonly what: string;
}

/** A resource after validation, or every reason why it is refused. */
export type ParseResult<T> =
  | { readonly ok: true; readonly value: T; readonly unsupported: readonly Unsupported[] }
  | { readonly ok: false; readonly errors: readonly string[] };
