import type { Fields } from "../fields.ts";
import { type NamedMatches, parseNamedMatches, parseStringMatch, type StringMatch } from "./string_match.ts";

/** What a request must look like. */
export interface HttpMatch {
  /** Becomes part of the route's name. */
  readonly name: string;
  readonly uri: StringMatch | undefined;
  readonly ignoreUriCase: boolean;
  readonly scheme: StringMatch | undefined;
  readonly method: StringMatch | undefined;
  readonly authority: StringMatch | undefined;
  readonly headers: NamedMatches;
  /** Comparisons that must fail. */
  readonly withoutHeaders: NamedMatches;
  readonly queryParams: NamedMatches;
  /** Port the request was sent to. */
  readonly port: number | undefined;
  /** Labels and namespace of the caller. */
  readonly sourceLabels: Readonly<Record<string, string>>;
  readonly sourceNamespace: string | undefined;
  /** Where the match applies; empty wherever the VirtualService does. */
  readonly gateways: readonly string[];
  readonly statPrefix: string | undefined;
}

/** Reads one entry of `match`. */
export function parseHttpMatch(fields: Fields): HttpMatch {
  fields.only(
    "name",
    "uri",
    "ignoreUriCase",
    "scheme",
    "method",
    "authority",
    "headers",
    "withoutHeaders",
    "queryParams",
    "port",
    "sourceLabels",
    "sourceNamespace",
    "gateways",
    "statPrefix",
  );
  for (const name of ["headers", "withoutHeaders"]) {
    const claim = fields.object(name)?.names.find((header) => header.toLowerCase().startsWith("@request.auth.claims"));
    // istiod's validation refuses them where the mesh is meant: they are for gateways, which have checked the token.
    if (claim !== undefined) throw fields.error(`${name}.${claim}`, "is only for gateways: sidecars know no claims");
  }
  return {
    name: fields.string("name") ?? "",
    uri: parseStringMatch(fields, "uri"),
    ignoreUriCase: fields.boolean("ignoreUriCase") ?? false,
    scheme: parseStringMatch(fields, "scheme"),
    method: parseStringMatch(fields, "method"),
    authority: parseStringMatch(fields, "authority"),
    headers: parseNamedMatches(fields, "headers"),
    withoutHeaders: parseNamedMatches(fields, "withoutHeaders"),
    queryParams: parseNamedMatches(fields, "queryParams"),
    port: fields.port("port"),
    sourceLabels: fields.stringMap("sourceLabels"),
    sourceNamespace: fields.string("sourceNamespace"),
    gateways: fields.strings("gateways"),
    statPrefix: fields.string("statPrefix"),
  };
}
