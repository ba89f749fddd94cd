import type { EnvoyConfigListenerV3ListenerFilterChainMatchPredicate } from "../protobuf/gen/messages.ts";
import type { Issues } from "./issues.ts";
import { checkNumber } from "./parse_common.ts";

const PORTS = 65_536;
/** Predicates nest; more than this is an attack on the stack. */
const MAX_DEPTH = 32;

/** One flag for each port: what predicates over ports come down to. */
type PortSet = Uint8Array;

/**
 * The destination ports for which a `ListenerFilterChainMatchPredicate` holds, in ascending order. Ports are all that
 * such a predicate can ask for.
 */
export function matchingPorts(
  issues: Issues,
  path: string,
  predicate: EnvoyConfigListenerV3ListenerFilterChainMatchPredicate | undefined,
): number[] {
  if (predicate === undefined) return [];
  const set = evaluate(issues, path, predicate, 0);
  const out: number[] = [];
  for (let port = 0; port < PORTS; port++) {
    if (set[port] === 1) out.push(port);
  }
  return out;
}

function evaluate(
  issues: Issues,
  path: string,
  predicate: EnvoyConfigListenerV3ListenerFilterChainMatchPredicate,
  depth: number,
): PortSet {
  const set = new Uint8Array(PORTS);
  if (depth > MAX_DEPTH) {
    issues.invalid(path, `it must not nest deeper than ${MAX_DEPTH}`);
  } else if (predicate.orMatch !== undefined) {
    for (const [index, rule] of (predicate.orMatch.rules ?? []).entries()) {
      const other = evaluate(issues, `${path}.or_match.rules[${index}]`, rule, depth + 1);
      for (let port = 0; port < PORTS; port++) set[port] = set[port]! | other[port]!;
    }
  } else if (predicate.andMatch !== undefined) {
    set.fill(1);
    for (const [index, rule] of (predicate.andMatch.rules ?? []).entries()) {
      const other = evaluate(issues, `${path}.and_match.rules[${index}]`, rule, depth + 1);
      for (let port = 0; port < PORTS; port++) set[port] = set[port]! & other[port]!;
    }
  } else if (predicate.notMatch !== undefined) {
    const other = evaluate(issues, `${path}.not_match`, predicate.notMatch, depth + 1);
    for (let port = 0; port < PORTS; port++) set[port] = 1 - other[port]!;
  } else if (predicate.anyMatch === true) {
    set.fill(1);
  } else if (predicate.destinationPortRange !== undefined) {
    const { start = 0, end = 0 } = predicate.destinationPortRange;
    const rangePath = `${path}.destination_port_range`;
    checkNumber(issues, `${rangePath}.start`, start, { max: PORTS });
    checkNumber(issues, `${rangePath}.end`, end, { min: start, max: PORTS });
    set.fill(1, Math.max(start, 0), Math.max(end, 0));
  } else {
    issues.invalid(path, "it must hold a rule");
  }
  return set;
}
