import { packAny } from "../../protobuf/registry.ts";
import type { EnvoyConfigRouteV3RetryPolicy as RetryPolicy } from "../../protobuf/gen/messages.ts";
import type { Retries } from "../kinds/retries.ts";
import { duration } from "./context.ts";

const STATUS_CODES = "retriable-status-codes";
const DEFAULT_RETRY_ON = `connect-failure,refused-stream,unavailable,cancelled,${STATUS_CODES}`;
const DEFAULT_ATTEMPTS = 2;

/**
 * The retries of a route: those of the VirtualService, else istiod's own.
 *
 * @param hashed Whether requests are hashed: their retries may go to the host that failed.
 * @returns `undefined` where retries are turned off.
 */
export function retryPolicy(retries: Retries | undefined, hashed: boolean): RetryPolicy | undefined {
  if (retries === undefined) {
    return { retryOn: DEFAULT_RETRY_ON, numRetries: { value: DEFAULT_ATTEMPTS }, ...hostSelection(!hashed) };
  }
  if (retries.attempts === 0) return undefined;
  return {
    ...conditions(retries.retryOn),
    numRetries: { value: retries.attempts },
    ...hostSelection(retries.ignorePreviousHosts ?? !hashed),
    ...(retries.remoteLocalities ? { retryPriority: PREVIOUS_PRIORITIES } : {}),
    ...(retries.perTryTimeoutMs === undefined ? {} : { perTryTimeout: duration(retries.perTryTimeoutMs) }),
    ...(retries.backoffMs === undefined ? {} : { retryBackOff: { baseInterval: duration(retries.backoffMs) } }),
  };
}

function hostSelection(ignorePreviousHosts: boolean): RetryPolicy {
  return {
    ...(ignorePreviousHosts ? { retryHostPredicate: [PREVIOUS_HOSTS] } : {}),
    hostSelectionRetryMaxAttempts: 5,
  };
}

const PREVIOUS_HOSTS = {
  name: "envoy.retry_host_predicates.previous_hosts",
  typedConfig: packAny("envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate", {}),
};

/** Asks for other priorities after every second try. */
const PREVIOUS_PRIORITIES = {
  name: "envoy.retry_priorities.previous_priorities",
  typedConfig: {
    typeUrl: "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
    // `update_frequency: 2`; the message is not in the descriptors, nothing else of enmesh reads it.
    value: Uint8Array.of(0x08, 0x02),
  },
};

/** Status codes among the words become the list that `retriable-status-codes` stands for. */
function conditions(retryOn: string | undefined): RetryPolicy {
  const words = (retryOn ?? DEFAULT_RETRY_ON).split(",").map((word) => word.trim()).filter((word) => word !== "");
  const codes = words.filter(isStatus).map(Number);
  const names = words.filter((word) => !isStatus(word)).join(",");
  // istiod leaves a comma where there are only codes; Envoy reads past it.
  const added = codes.length > 0 && !names.includes(STATUS_CODES) ? `,${STATUS_CODES}` : "";
  return {
    retryOn: `${names}${added}`,
    ...(codes.length === 0 ? {} : { retriableStatusCodes: codes }),
  };
}

function isStatus(word: string): boolean {
  return /^[1-5]\d\d$/.test(word);
}
