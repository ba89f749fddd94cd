import type { Json } from "../protobuf/well_known.ts";
import { type Environment, layeredEnvironment, recordEnvironment } from "./environment.ts";
import type { FileResult, FileSource } from "./file_source.ts";
import { POD_FILES, readDownwardApi } from "./in_pod.ts";
import {
  isObject,
  type JsonObject,
  mergeProxyConfigs,
  proxyMetadata,
  readYamlObject,
  YAML_VARIABLES,
} from "./proxy_config.ts";
import type { Settings } from "./settings.ts";
import { INSTALLED_VM_FILES, readClusterEnv, type VmFiles, vmFilesIn } from "./vm.ts";

/** Everything read from outside, before anything is decided. */
export interface Gathered {
  /** The process over `cluster.env` over ProxyConfig's `proxyMetadata`. */
  readonly env: Environment;
  /** `mesh.yaml`'s `defaultConfig` under `PROXY_CONFIG` under the pod's annotation. */
  readonly proxyConfig: JsonObject;
  /** `mesh.yaml`; empty where there is none. */
  readonly meshConfig: JsonObject;
  /** The downward API's labels; `null` where they are not mounted. */
  readonly labels: Readonly<Record<string, string>> | null;
  /** Namespace by the service account files; `null` outside of a pod. */
  readonly namespace: string | null;
  /** Files of a virtual machine; `inFolder` when the user named the folder. */
  readonly vmFiles: VmFiles;
  readonly inFolder: boolean;
}

/** The annotation by which a pod overrides its ProxyConfig. */
const PROXY_CONFIG_ANNOTATION = "proxy.istio.io/config";

/**
 * Reads the environment and the files that tell who and where this workload is. What is malformed is reported; what
 * is missing, or may not be read, counts as not there.
 */
export async function gather(
  process: Environment,
  files: FileSource,
  settings: Settings,
  folder: string | undefined,
): Promise<Gathered> {
  const named = folder ?? process.get("ENMESH_FILES");
  const vmFiles = named === undefined || named === "" ? INSTALLED_VM_FILES : vmFilesIn(named);
  const read = async <T>(
    path: string,
    parse: (text: string) => T | Promise<T>,
    mustExist = false,
  ): Promise<T | null> => {
    const result: FileResult = await files.read(path);
    if (result.kind === "missing" && mustExist) {
      settings.report(`file '${path}'`, "Cannot find it", "Check the folder with the files of the virtual machine");
    }
    if (result.kind === "denied" && mustExist) {
      settings.deny(`file '${path}'`, "Cannot read it: no permission", `--allow-read=${named}`);
    }
    if (result.kind === "failed") settings.report(`file '${path}'`, `Cannot read it: ${result.message}`);
    if (result.kind !== "text") return null;
    try {
      return await parse(result.text);
    } catch (error) {
      unusable(settings, `file '${path}'`, "Cannot use it", error);
      return null;
    }
  };
  const inFolder = vmFiles !== INSTALLED_VM_FILES;
  const [clusterEnv, meshConfig, labels, annotations, namespace] = await Promise.all([
    read(vmFiles.clusterEnv, readClusterEnv, inFolder),
    read(vmFiles.meshConfig, readYamlObject),
    read(POD_FILES.labels, readDownwardApi),
    read(POD_FILES.annotations, readDownwardApi),
    read(POD_FILES.namespace, (text) => text.trim()),
  ]);
  const layers = [process, recordEnvironment(clusterEnv ?? {})];
  const proxyConfig = mergeProxyConfigs([
    isObject(meshConfig?.defaultConfig) ? meshConfig.defaultConfig : {},
    await configText(settings, "variable 'PROXY_CONFIG'", layeredEnvironment(layers).get("PROXY_CONFIG")),
    await configText(settings, `annotation '${PROXY_CONFIG_ANNOTATION}'`, annotations?.[PROXY_CONFIG_ANNOTATION]),
  ]);
  return {
    env: layeredEnvironment([...layers, recordEnvironment(proxyMetadata(proxyConfig))]),
    proxyConfig,
    meshConfig: meshConfig ?? {},
    labels,
    namespace,
    vmFiles,
    inFolder,
  };
}

async function configText(settings: Settings, subject: string, text: string | undefined): Promise<JsonObject> {
  if (text === undefined) return {};
  try {
    return await readYamlObject(text);
  } catch (error) {
    unusable(settings, subject, "Cannot use it as ProxyConfig", error);
    return {};
  }
}

function unusable(settings: Settings, subject: string, what: string, error: unknown): void {
  if (error instanceof Deno.errors.NotCapable) {
    const flag = `--allow-env=${YAML_VARIABLES.join(",")}`;
    settings.deny(subject, `${what}: no permission for the variables that the YAML parser reads`, flag);
  } else settings.report(subject, `${what}: ${(error as Error).message}`);
}

/** A variable that holds JSON; a problem when it does not. */
export function jsonVariable(settings: Settings, name: string, text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch (error) {
    settings.report(`variable '${name}'`, `Cannot use it: expected JSON, ${(error as Error).message}`);
    return undefined;
  }
}
