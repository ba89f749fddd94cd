import { type Bootstrap, loadBootstrap } from "../../bootstrap/bootstrap.ts";
import type { JoinOptions } from "../../bootstrap/join_options.ts";
import { formatAddress } from "../../internal/socket_address.ts";
import { type CheckName, type CheckResult, result } from "../check.ts";
import { failures } from "../failure.ts";

/** Names listed before the rest is only counted. */
const MAX_NAMES = 4;

/** Reads what `Mesh.join` would read, and tells which permissions are missing and what is wrong. */
export async function checkSettings(
  options: JoinOptions,
): Promise<{ bootstrap: Bootstrap | null; results: readonly CheckResult[] }> {
  try {
    const bootstrap = await loadBootstrap(options);
    return { bootstrap, results: [permissions(bootstrap), settings(bootstrap)] };
  } catch (error) {
    const results = failures("settings", error).map((found) => ({ ...found, name: nameOf(found) }));
    const others = results.some(({ name }) => name === "permissions")
      ? []
      : [result("permissions", "ok", "Everything that joining needs is granted")];
    return { bootstrap: null, results: [...others, ...results] };
  }
}

/** Which check a problem belongs to. */
function nameOf({ message, hint }: CheckResult): CheckName {
  if (hint?.startsWith("Run with --allow-")) return "permissions";
  if (message.includes("root certificate")) return "root certificate";
  return /\btoken\b/.test(message) ? "token" : "settings";
}

/** What was not read is no fault: it may not be there. It is said, because it may. */
function permissions({ skipped }: Bootstrap): CheckResult {
  const variables = [...new Set(skipped.variables)];
  const parts = [listed("variables", variables), listed("files", skipped.files)].filter((part) => part !== "");
  if (parts.length === 0) return result("permissions", "ok", "Everything that joining reads is granted");
  const flags = [
    ...(variables.length > 0 ? ["--allow-env"] : []),
    ...(skipped.files.length > 0 ? [`--allow-read=${skipped.files.join(",")}`] : []),
  ];
  return result(
    "permissions",
    "ok",
    `Everything that joining needs is granted; not read for want of permission: ${parts.join("; ")}`,
    `Where one of them is set, run with ${flags.join(" ")}`,
  );
}

function listed(what: string, names: readonly string[]): string {
  if (names.length === 0) return "";
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : "";
  return `${names.length} ${what} ('${names.slice(0, MAX_NAMES).join("', '")}'${more})`;
}

function settings({ workload, trustDomain, discovery, origins }: Bootstrap): CheckResult {
  const origin = origins.get("discovery address") ?? "default";
  return result(
    "settings",
    "ok",
    `'${workload.name}' in namespace '${workload.namespace}' as service account '${workload.serviceAccount}', trust ` +
      `domain '${trustDomain}', istiod at '${formatAddress(discovery)}' (${origin})`,
  );
}
