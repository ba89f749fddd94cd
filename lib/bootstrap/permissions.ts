import { GRPC_VARIABLES } from "../grpc/control_channel.ts";
import { formatAddress, type SocketAddress } from "../internal/socket_address.ts";
import type { Bootstrap } from "./bootstrap.ts";
import type { Settings } from "./settings.ts";

/** Tells whether the process has a permission. Never asks the user. */
export type Granted = (descriptor: Deno.PermissionDescriptor) => boolean;

/** Asks the runtime. */
export const granted: Granted = (descriptor) => Deno.permissions.querySync(descriptor).state === "granted";

/** One name for all variables of the gRPC library, as `--allow-env` takes it. */
const GRPC_PREFIX = "GRPC_*";

/** Addresses that joining connects to or listens on: without one of them it cannot succeed. */
export function joinAddresses({ discovery, ca, certificateFiles, ports }: JoinFacts): SocketAddress[] {
  const addresses: SocketAddress[] = [discovery];
  if (certificateFiles?.use !== "identity") addresses.push(ca);
  if (ports.admin !== false) addresses.push(ports.admin);
  for (const port of [ports.status, ports.readiness, ports.prometheus]) {
    if (port !== false) addresses.push({ hostname: "0.0.0.0", port });
  }
  return addresses;
}

/** What {@linkcode joinAddresses} looks at. */
export type JoinFacts = Pick<Bootstrap, "discovery" | "ca" | "certificateFiles" | "ports">;

/**
 * Reports the permissions that joining needs and the process does not have, each as the one flag that grants it: found
 * here they are all named at once, before anything was tried.
 */
export function reportMissingPermissions(facts: JoinFacts, settings: Settings, has: Granted = granted): void {
  const hosts = [...new Set(joinAddresses(facts).map(formatAddress))];
  const closed = hosts.filter((host) => !has({ name: "net", host }));
  if (closed.length > 0) {
    settings.deny("network", `No permission for '${closed.join("', '")}'`, `--allow-net=${closed.join(",")}`);
  }
  if (GRPC_VARIABLES.some((variable) => !has({ name: "env", variable }))) {
    settings.deny(
      "environment",
      "No permission for the variables that '@grpc/grpc-js' reads when it is loaded",
      `--allow-env=${GRPC_PREFIX}`,
    );
  }
}
