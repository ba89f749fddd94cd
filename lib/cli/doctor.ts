import type { Bootstrap } from "../bootstrap/bootstrap.ts";
import type { JoinOptions } from "../bootstrap/join_options.ts";
import { type Clock, systemClock } from "../internal/clock.ts";
import { silentLogger } from "../internal/logger.ts";
import type { Random } from "../internal/random.ts";
import { createConnector } from "../transport/connector.ts";
import { HandleRegistry } from "../transport/handle_registry.ts";
import { CHECK_NAMES, type CheckName, type CheckResult, result } from "./check.ts";
import { checkAdminPorts } from "./checks/admin_ports.ts";
import { checkCertificate } from "./checks/certificate.ts";
import { checkClock } from "./checks/clock.ts";
import { checkConfiguration } from "./checks/configuration.ts";
import { checkIstiod } from "./checks/istiod.ts";
import { checkOwnEndpoint } from "./checks/own_endpoint.ts";
import { checkRootCertificate, readRoots } from "./checks/root_certificate.ts";
import { checkSettings } from "./checks/settings.ts";
import { checkSidecar } from "./checks/sidecar.ts";
import { checkToken } from "./checks/token.ts";

/** How {@linkcode doctor} works. */
export interface DoctorSettings {
  /** Tells the time and counts it. @default {the clock of the system} */
  readonly clock?: Clock;
  /** For the spread of retries. @default {Math.random} */
  readonly random?: Random;
  /** Milliseconds each for the certificate and the first configuration. @default {10_000} */
  readonly timeoutMs?: number;
}

/**
 * Checks whether a mesh can be joined, step by step as joining goes, with the parts that joining uses. A check that
 * needs one that failed is skipped and says so.
 *
 * @param options Those of `Mesh.join`.
 */
export async function* doctor(options: JoinOptions = {}, settings: DoctorSettings = {}): AsyncGenerator<CheckResult> {
  const { bootstrap, results } = await checkSettings(options);
  if (bootstrap !== null) {
    yield* results;
    return yield* checkJoining(bootstrap, settings);
  }
  const done = new Set(results.map(({ name }) => name));
  const first = CHECK_NAMES.find((name) => results.some((found) => found.name === name && found.status === "failed"))!;
  const rest = CHECK_NAMES.filter((name) => !done.has(name)).map((name) => skipped(name, first));
  yield* inOrder([...results, ...rest]);
}

async function* checkJoining(bootstrap: Bootstrap, settings: DoctorSettings): AsyncGenerator<CheckResult> {
  const { clock = systemClock, random = Math.random, timeoutMs = 10_000 } = settings;
  const registry = new HandleRegistry();
  const connector = createConnector({ registry, clock });
  try {
    const token = await checkToken(bootstrap, clock.now());
    yield token.result;
    const root = checkRootCertificate(bootstrap, clock.now());
    yield root;
    yield await checkSidecar(bootstrap, connector);
    yield await checkAdminPorts(bootstrap);

    const istiod = await checkIstiod(bootstrap, connector);
    yield* istiod.results;
    const blocked: CheckName | null = failed(istiod.results) ? "istiod" : failed([token.result]) ? "token" : null;
    const credentials = { registry, clock, random, logger: silentLogger };
    const certificate = blocked === null ? await checkCertificate(bootstrap, credentials, timeoutMs) : null;
    if (certificate === null) yield skipped("certificate", blocked!);
    else yield* certificate.results;

    const roots = bootstrap.roots.discovery ?? bootstrap.roots.ca;
    const evidence = { roots: roots === null ? [] : readRoots(roots), claims: token.claims };
    yield checkClock({ ...evidence, issued: certificate?.leaf ?? null }, clock.now());

    if (certificate === null || failed(certificate.results)) {
      yield skipped("configuration", blocked ?? "certificate");
      return yield skipped("own endpoint", "configuration");
    }
    const configuration = await checkConfiguration(bootstrap, { clock, random, timeoutMs });
    yield* configuration.results;
    if (configuration.snapshot === null) return yield skipped("own endpoint", "configuration");
    const { ips } = bootstrap.workload;
    yield checkOwnEndpoint(configuration.snapshot, ips.length > 0 ? ips : [istiod.localAddress ?? ""]);
  } finally {
    await registry.idle();
  }
}

function failed(results: readonly CheckResult[]): boolean {
  return results.some(({ status }) => status === "failed");
}

function skipped(name: CheckName, because: CheckName): CheckResult {
  return result(name, "skipped", `Not checked: '${because}' comes first`);
}

function inOrder(results: readonly CheckResult[]): CheckResult[] {
  return [...results].sort((a, b) => CHECK_NAMES.indexOf(a.name) - CHECK_NAMES.indexOf(b.name));
}
