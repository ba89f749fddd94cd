import type { EnvoyTypeMatcherV3StringMatcher as StringMatcher } from "../../protobuf/gen/messages.ts";
import type { StringMatch } from "../kinds/string_match.ts";

/** Envoy's form of a string match. */
export function stringMatcher({ kind, value }: StringMatch): StringMatcher {
  return kind === "regex" ? { safeRegex: { regex: value } } : { [kind]: value };
}
