import { type Bootstrap, loadBootstrap } from "../../bootstrap/bootstrap.ts";
import { processEnvironment, recordEnvironment } from "../../bootstrap/environment.ts";
import type { JoinOptions } from "../../bootstrap/join_options.ts";
import { formatAddress } from "../../internal/socket_address.ts";
import { type CheckName, type CheckResult, result } from "../check.ts";
import { failures } from "../failure.ts";

/** Reads what `Mesh.join` would read, and tells which permissions are missing and what is wrong. */
export async function checkSettings(
  options: JoinOptions,
): Promise<{ bootstrap: Bootstrap | null; results: readonly CheckResult[] }> {
  const env = options.env === undefined ? processEnvironment() : recordEnvironment(options.env);
  try {
    const bootstrap = await loadBootstrap(options, { env });
    return { bootstrap, results: [permissions(bootstrap.skipped), settings(bootstrap)] };
  } catch (error) {
    const results = failures("settings", error).map(placed);
    const skipped = { variables: env.skipped, files: [] };
    const denied = results.some(({ name }) => name === "permissions");
    return { bootstrap: null, results: denied ? [...results, ...unread(skipped)] : [permissions(skipped), ...results] };
  }
}

/** A problem under the check it belongs to, whose name need not be said twice. */
function placed(found: CheckResult): CheckResult {
  const name = nameOf(found);
  const said = `${name}: `;
  return { ...found, name, message: found.message.startsWith(said) ? found.message.slice(said.length) : found.message };
}

/** Which check a problem belongs to. */
function nameOf({ message, hint }: CheckResult): CheckName {
  if (hint?.startsWith("Run with --allow-")) return "permissions";
  if (message.includes("root certificate")) return "root certificate";
  return /\btoken\b/.test(message) ? "token" : "settings";
}

type Skipped = Bootstrap["skipped"];

/** Nothing that is needed is missing; what was not read is said, because it may be set. */
function permissions(skipped: Skipped): CheckResult {
  const [found] = unread(skipped);
  if (found === undefined) return result("permissions", "ok", "Everything that joining reads is granted");
  return { ...found, status: "ok", message: `Everything that joining needs is granted; ${lower(found.message)}` };
}

/** What was not read is no fault: it may not be there. */
function unread({ variables, files }: Skipped): CheckResult[] {
  const names = underPrefixes(new Set(variables));
  const parts = [listed("variables", names), listed("files", files)].filter((part) => part !== "");
  if (parts.length === 0) return [];
  const flags = [
    ...(files.length > 0 ? [`--allow-read=${files.join(",")}`] : []),
    ...(names.length > 0
      ? ["--allow-env=NAME; without names --allow-env reads all, also ISTIO_META_* and *_HEADER_* of any name"]
      : []),
  ];
  const message = `Not read for want of permission: ${parts.join("; ")}`;
  return [result("permissions", "skipped", message, `Where one of them is set, run with ${flags.join(" ")}`)];
}

function lower(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

/** One name for all variables of a prefix that could not be listed. */
function underPrefixes(variables: ReadonlySet<string>): string[] {
  const prefixes = [...variables].filter((name) => name.endsWith("*")).map((name) => name.slice(0, -1));
  return [...variables].filter((name) => name.endsWith("*") || !prefixes.some((prefix) => name.startsWith(prefix)));
}

function listed(what: string, names: readonly string[]): string {
  return names.length === 0 ? "" : `${what} '${names.join("', '")}'`;
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
