import { UnknownOperatorError } from "../formatter/operators.ts";
import { compileHeaderFormat } from "../formatter/substitution_format.ts";
import type { EnvoyConfigCoreV3HeaderValueOption } from "../protobuf/gen/messages.ts";
import type { HeaderMutations, HeaderValueOption } from "./common.ts";
import { type Issues, reasonOf } from "./issues.ts";
import { parseEnum, required } from "./parse_common.ts";

const ACTIONS = {
  APPEND_IF_EXISTS_OR_ADD: "append_if_exists_or_add",
  ADD_IF_ABSENT: "add_if_absent",
  OVERWRITE_IF_EXISTS_OR_ADD: "overwrite_if_exists_or_add",
  OVERWRITE_IF_EXISTS: "overwrite_if_exists",
} as const;

/** The header changes that routes, virtual hosts, route configurations and weighted clusters carry. */
export interface HeaderMutationFields {
  requestHeadersToAdd?: EnvoyConfigCoreV3HeaderValueOption[];
  requestHeadersToRemove?: string[];
  responseHeadersToAdd?: EnvoyConfigCoreV3HeaderValueOption[];
  responseHeadersToRemove?: string[];
}

/** Shared by everything that changes no header, which is almost everything. */
const NO_MUTATIONS: HeaderMutations = { requestAdd: [], requestRemove: [], responseAdd: [], responseRemove: [] };

/** Reads them. Envoy lets nobody change pseudo headers or `host` this way. */
export function parseHeaderMutations(issues: Issues, path: string, fields: HeaderMutationFields): HeaderMutations {
  if (
    fields.requestHeadersToAdd === undefined && fields.requestHeadersToRemove === undefined &&
    fields.responseHeadersToAdd === undefined && fields.responseHeadersToRemove === undefined
  ) return NO_MUTATIONS;
  return {
    requestAdd: parseHeaderAdditions(issues, `${path}request_headers_to_add`, fields.requestHeadersToAdd),
    requestRemove: removals(issues, `${path}request_headers_to_remove`, fields.requestHeadersToRemove),
    responseAdd: parseHeaderAdditions(issues, `${path}response_headers_to_add`, fields.responseHeadersToAdd),
    responseRemove: removals(issues, `${path}response_headers_to_remove`, fields.responseHeadersToRemove),
  };
}

/** Reads a list of headers to add. */
export function parseHeaderAdditions(
  issues: Issues,
  path: string,
  options: readonly EnvoyConfigCoreV3HeaderValueOption[] = [],
): HeaderValueOption[] {
  return options.map((option, index) => ({
    name: headerName(issues, `${path}[${index}].header.key`, option.header?.key),
    value: headerValue(
      issues,
      `${path}[${index}].header.value`,
      option.header?.value ?? (option.header?.rawValue && new TextDecoder().decode(option.header.rawValue)) ?? "",
    ),
    // The deprecated flag, where it is present, says the same in two values.
    action: option.append !== undefined
      ? option.append.value === true ? "append_if_exists_or_add" : "overwrite_if_exists_or_add"
      : parseEnum(
        issues,
        `${path}[${index}].append_action`,
        option.appendAction,
        ACTIONS,
        "append_if_exists_or_add",
      ),
    keepEmptyValue: option.keepEmptyValue ?? false,
  }));
}

/** Checks a format. One with an operator of a later Envoy is reported and leaves the header empty. */
function headerValue(issues: Issues, path: string, value: string): string {
  try {
    compileHeaderFormat(value);
    return value;
  } catch (error) {
    if (error instanceof UnknownOperatorError) issues.unsupport(path, value);
    else issues.invalid(path, reasonOf(error), value);
    return "";
  }
}

function removals(issues: Issues, path: string, names: readonly string[] = []): string[] {
  return names.map((name, index) => headerName(issues, `${path}[${index}]`, name));
}

/** Checks the name of a header that configuration may change, and puts it into lower case. */
export function headerName(issues: Issues, path: string, value: string | undefined): string {
  const name = required(issues, path, value).toLowerCase();
  if (name.startsWith(":") || name === "host") {
    issues.invalid(path, "headers that start with ':' and 'host' may not be changed", name);
  } else if (name !== "" && !/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name)) {
    issues.invalid(path, "it is not a header name", name);
  }
  return name;
}
