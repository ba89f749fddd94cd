import { MeshError } from "../errors.ts";
import { type ControlPlaneService, resolveControlPlane } from "./control_plane.ts";
import {
  type CertificateFiles,
  resolveCertificateFiles,
  resolveRoots,
  resolveToken,
  type RootSource,
} from "./credentials.ts";
import { type Environment, processEnvironment, recordEnvironment } from "./environment.ts";
import { type FileSource, fileSystem } from "./file_source.ts";
import { gather } from "./gather.ts";
import type { JoinOptions, TokenOption } from "./join_options.ts";
import { type ModuleSettings, resolveModules } from "./module_settings.ts";
import { reportMissingPermissions } from "./permissions.ts";
import { type Ports, resolvePorts } from "./ports.ts";
import type { JsonObject } from "./proxy_config.ts";
import { fromOption, Settings } from "./settings.ts";
import { readBoolean, readDurationMs, readPositiveDurationMs, readRatio, readText, readTrustDomain } from "./values.ts";
import { readWasmSettings, type WasmSettings } from "./wasm_settings.ts";
import { resolveWorkload, type Workload } from "./workload.ts";

/** Everything a mesh needs to know before it talks to anybody, decided and checked. */
export interface Bootstrap {
  readonly workload: Workload;
  readonly trustDomain: string;
  /** Istio's ProxyConfig as merged from all its sources. */
  readonly proxyConfig: JsonObject;
  readonly discovery: ControlPlaneService;
  readonly ca: ControlPlaneService;
  readonly roots: { readonly discovery: RootSource | null; readonly ca: RootSource | null };
  /** `null` where there is none, and none is needed. */
  readonly token: TokenOption | null;
  readonly certificateFiles: CertificateFiles | null;
  readonly certificate: {
    /** Lifetime to ask for, in milliseconds. */
    readonly ttlMs: number;
    /** Part of the lifetime left at renewal, and its random shift. */
    readonly graceRatio: number;
    readonly graceRatioJitter: number;
    /** `CertSigner` of the request's metadata. */
    readonly signer: string | null;
  };
  readonly protocol: "delta" | "sotw";
  readonly ports: Ports;
  /** How Wasm modules are fetched and kept. */
  readonly modules: ModuleSettings;
  readonly drain: {
    /** Shortest and usual time to let connections end at `close`, in milliseconds. */
    readonly minimumMs: number;
    readonly terminationMs: number;
  };
  /** Whether HTTP/1.1 between enmesh peers travels over HTTP/2. */
  readonly multiplex: boolean;
  /** What Wasm plugins run on. */
  readonly wasm: WasmSettings;
  readonly unsupportedFilters: Readonly<Record<string, "skip">>;
  /** Whether to join although something else captures the traffic. */
  readonly besideSidecar: boolean;
  /** Where each setting came from, for `enmesh doctor`. */
  readonly origins: ReadonlyMap<string, string>;
  /** What could not be read for want of permission, for `enmesh doctor`: variables and paths. */
  readonly skipped: { readonly variables: readonly string[]; readonly files: readonly string[] };
}

/** Where {@linkcode loadBootstrap} reads. */
export interface BootstrapSources {
  /** @default {the option `env`, else the environment of the process} */
  readonly env?: Environment;
  /** @default {the file system} */
  readonly files?: FileSource;
}

/** Whether to join a mesh at all, by option or `ENMESH_ENABLED`. */
export function meshEnabled(options: JoinOptions, env: Environment = environmentOf(options)): boolean {
  const settings = new Settings();
  const enabled = settings.chooseOr(
    "enabled",
    [
      fromOption("enabled", options.enabled),
      { value: env.get("ENMESH_ENABLED"), origin: "variable 'ENMESH_ENABLED'" },
    ],
    readBoolean,
    true,
  );
  throwProblems(settings);
  return enabled;
}

/**
 * Puts together what a mesh needs to know: defaults < ProxyConfig < environment < options.
 *
 * @throws {MeshError} With every problem found: what was read, from where, what is wrong, what to do.
 * `PERMISSION_MISSING` when permissions are all that is missing, else `CONFIG_INVALID`.
 */
export async function loadBootstrap(options: JoinOptions = {}, sources: BootstrapSources = {}): Promise<Bootstrap> {
  const settings = new Settings();
  const files = remembering(sources.files ?? fileSystem);
  const gathered = await gather(sources.env ?? environmentOf(options), files, settings, options.files);
  const { env, proxyConfig, meshConfig } = gathered;
  const variable = (name: string) => ({ value: env.get(name), origin: `variable '${name}'` });

  const trustDomain = settings.chooseOr(
    "trust domain",
    [
      fromOption("trustDomain", options.trustDomain),
      variable("TRUST_DOMAIN"),
      { value: meshConfig.trustDomain, origin: "MeshConfig 'trustDomain'" },
    ],
    readTrustDomain,
    "cluster.local",
  );
  const workload = resolveWorkload(options.workload ?? {}, gathered, settings, trustDomain, options.meshId);
  const { discovery, ca } = resolveControlPlane(options, gathered, settings, workload.clusterId);
  const context = { options, gathered, settings, files };
  const certificateFiles = await resolveCertificateFiles(context);
  // On plaintext the CA is asked only when there is something to prove ourselves with.
  const token = await resolveToken(context, certificateFiles === null && !discovery.plaintext);
  const caUsed = !ca.plaintext && certificateFiles?.use !== "identity" && (token !== null || !discovery.plaintext);
  const discoveryRoots = discovery.plaintext ? null : await resolveRoots(context, "XDS_ROOT_CA");
  const caRoots = caUsed ? await caRootsOf() : null;

  async function caRootsOf(): Promise<RootSource | null> {
    const same = options.rootCertificates !== undefined || env.get("CA_ROOT_CA") === env.get("XDS_ROOT_CA");
    return same && !discovery.plaintext ? discoveryRoots : await resolveRoots(context, "CA_ROOT_CA");
  }

  const bootstrap: Bootstrap = {
    workload,
    trustDomain,
    proxyConfig,
    discovery,
    ca,
    roots: { discovery: discoveryRoots, ca: caRoots },
    token,
    certificateFiles,
    certificate: {
      ttlMs: settings.chooseOr(
        "certificate lifetime",
        [
          fromOption("certificateTtl", options.certificateTtl),
          variable("SECRET_TTL"),
        ],
        readPositiveDurationMs,
        24 * 3600 * 1000,
      ),
      graceRatio: settings.chooseOr("grace ratio", [variable("SECRET_GRACE_PERIOD_RATIO")], readRatio, 0.5),
      graceRatioJitter: settings.chooseOr(
        "grace ratio jitter",
        [variable("SECRET_GRACE_PERIOD_RATIO_JITTER")],
        readRatio,
        0.01,
      ),
      signer: settings.choose("certificate signer", [variable("ISTIO_META_CERT_SIGNER")], readText) ?? null,
    },
    protocol: settings.chooseOr("protocol", [fromOption("xds", options.xds)], readProtocol, "delta"),
    ports: resolvePorts(options, gathered, settings),
    modules: resolveModules(options, gathered, settings),
    drain: {
      minimumMs: settings.chooseOr(
        "minimum drain duration",
        [
          fromOption("minimumDrainDuration", options.minimumDrainDuration),
          variable("MINIMUM_DRAIN_DURATION"),
        ],
        readDurationMs,
        5000,
      ),
      terminationMs: settings.chooseOr(
        "termination drain duration",
        [
          { value: proxyConfig.terminationDrainDuration, origin: "ProxyConfig 'terminationDrainDuration'" },
        ],
        readDurationMs,
        5000,
      ),
    },
    multiplex: settings.chooseOr(
      "multiplex",
      [fromOption("multiplex", options.multiplex), variable("ENMESH_MULTIPLEX")],
      readBoolean,
      true,
    ),
    wasm: readWasmSettings(options.wasm ?? {}, env, settings),
    unsupportedFilters: readUnsupportedFilters(options, settings),
    besideSidecar: options.besideSidecar ?? false,
    origins: settings.origins,
    skipped: { variables: env.skipped, files: files.denied },
  };
  reportMissingPermissions(bootstrap, settings);
  throwProblems(settings);
  return bootstrap;
}

function environmentOf(options: JoinOptions): Environment {
  return options.env === undefined ? processEnvironment() : recordEnvironment(options.env);
}

/** The same files, with a list of those that may not be read. */
function remembering(files: FileSource): FileSource & { readonly denied: readonly string[] } {
  const denied = new Set<string>();
  return {
    async read(path) {
      const result = await files.read(path);
      if (result.kind === "denied") denied.add(path);
      return result;
    },
    get denied() {
      return [...denied];
    },
  };
}

function readProtocol(value: unknown): "delta" | "sotw" {
  if (value === "delta" || value === "sotw") return value;
  throw new TypeError(`Expected 'delta' or 'sotw', current value is '${value}'`);
}

function readUnsupportedFilters(options: JoinOptions, settings: Settings): Readonly<Record<string, "skip">> {
  const filters = options.unsupportedFilters ?? {};
  for (const [name, action] of Object.entries(filters)) {
    if (action === "skip") continue;
    settings.report(
      "option 'unsupportedFilters'",
      `Cannot use it for filter '${name}': expected 'skip', current value is '${action}'`,
    );
  }
  return filters;
}

function throwProblems({ problems, onlyDenied }: Settings): void {
  if (problems.length === 0) return;
  if (onlyDenied) {
    throw new MeshError("PERMISSION_MISSING", "Cannot join the mesh: permissions are missing", { problems });
  }
  const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
  throw new MeshError("CONFIG_INVALID", `Cannot join the mesh: ${count} with its configuration`, { problems });
}
