import { decode } from "../../protobuf/registry.ts";
import { Status, type StatusCode } from "../abi.ts";
import type { Context } from "../context.ts";
import type { HostGroup } from "./host_group.ts";

/** A foreign function of Envoy: what it is given, and what it answers. None of those here has results. */
type ForeignFunction = (context: Context, argument: Uint8Array) => StatusCode;

const FUNCTIONS: ReadonlyMap<string, ForeignFunction> = new Map([
  ["declare_property", declareProperty],
  ["set_envoy_filter_state", setFilterState],
  ["clear_route_cache", clearRouteCache],
]);

/** Functions beyond the interface, by name. SDKs go on without those that are not found. */
export const foreignCalls: HostGroup = (vm) => ({
  proxy_call_foreign_function(
    name: number,
    nameSize: number,
    argument: number,
    argumentSize: number,
    resultOut: number,
    sizeOut: number,
  ) {
    const { context, memory } = vm;
    if (context === null) return Status.INTERNAL_FAILURE;
    const text = memory.text(name, nameSize);
    const bytes = memory.view(argument, argumentSize);
    if (text === null || bytes === null) return Status.INVALID_MEMORY_ACCESS;
    const foreign = FUNCTIONS.get(text);
    if (foreign === undefined) return Status.NOT_FOUND;
    const status = foreign(context, bytes);
    if (status !== Status.OK) return status;
    // Null pointers say that nobody wants a result.
    for (const out of [resultOut, sizeOut]) {
      if (out !== 0 && !memory.writeU32(out, 0)) return Status.INVALID_MEMORY_ACCESS;
    }
    return Status.OK;
  },
});

/**
 * Says of a property what it is and for how long, once. Properties live as long as the request here; whether they can be
 * set again is kept.
 */
function declareProperty({ root }: Context, argument: Uint8Array): StatusCode {
  const message = parsed("envoy.source.extensions.common.wasm.DeclarePropertyArguments", argument);
  if (message === null) return Status.BAD_ARGUMENT;
  const { name = "", readonly = false } = message;
  const declared = root.declaredProperties;
  if (declared.has(name)) return Status.BAD_ARGUMENT;
  if (declared.size >= MAX_DECLARED) return Status.INTERNAL_FAILURE;
  declared.set(name, { readonly });
  return Status.OK;
}

function setFilterState(context: Context, argument: Uint8Array): StatusCode {
  const message = parsed("envoy.source.extensions.common.wasm.SetEnvoyFilterStateArguments", argument);
  return message === null ? Status.BAD_ARGUMENT : context.setFilterState(message.path ?? "", message.value ?? "");
}

function clearRouteCache(context: Context): StatusCode {
  context.clearRouteCache();
  return Status.OK;
}

/** Declarations one plugin may make. */
const MAX_DECLARED = 1024;

function parsed<N extends Parameters<typeof decode>[0]>(name: N, bytes: Uint8Array) {
  try {
    return decode(name, bytes);
  } catch {
    return null;
  }
}
