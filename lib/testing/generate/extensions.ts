import { encode, packAny, typeUrl } from "../../protobuf/registry.ts";
import type {
  EnvoyConfigCoreV3AsyncDataSource as DataSource,
  EnvoyConfigCoreV3ExtensionConfigSource as ConfigSource,
  EnvoyConfigListenerV3Filter,
  EnvoyExtensionsFiltersNetworkHttp_connection_managerV3HttpFilter as HttpFilter,
  EnvoyExtensionsWasmV3PluginConfig as PluginConfig,
} from "../../protobuf/gen/messages.ts";
import type { Json } from "../../protobuf/well_known.ts";
import type { WasmConfig } from "../kinds/wasm_config.ts";
import type { ExtensionPlace, NamedExtension } from "../traffic_extensions.ts";
import type { GenerateContext, GeneratedResource } from "./context.ts";

const HTTP_WASM = "envoy.extensions.filters.http.wasm.v3.Wasm";
const NETWORK_WASM = "envoy.extensions.filters.network.wasm.v3.Wasm";
/** What the agent puts in place of a module that it could not fetch. */
const HTTP_RBAC = "envoy.extensions.filters.http.rbac.v3.RBAC";
const NETWORK_RBAC = "envoy.extensions.filters.network.rbac.v3.RBAC";

/** The extensions at a place among the HTTP filters, in order. */
export function httpExtensions(context: GenerateContext, place: Omit<ExtensionPlace, "network">): HttpFilter[] {
  return filters(context, { ...place, network: false }, [HTTP_WASM, HTTP_RBAC]);
}

/** The extensions at a place among the network filters, in order. */
export function networkExtensions(
  context: GenerateContext,
  place: Omit<ExtensionPlace, "network">,
): EnvoyConfigListenerV3Filter[] {
  return filters(context, { ...place, network: true }, [NETWORK_WASM, NETWORK_RBAC]);
}

function filters({ view, node }: GenerateContext, place: ExtensionPlace, types: readonly string[]) {
  const target = { namespace: node.namespace, labels: view.labelsOf(node) };
  const configDiscovery: ConfigSource = {
    configSource: { ads: {}, initialFetchTimeout: {}, resourceApiVersion: "V3" },
    typeUrls: types.map(typeUrl),
  };
  return view.extensions.at(target, place).map(({ resource }) => ({ name: resource, configDiscovery }));
}

/** The resource of an extension; `undefined` where the node sees none of that name. */
export function extensionConfig({ view, node }: GenerateContext, name: string): GeneratedResource | undefined {
  const extension = view.extensions.named(name, node.namespace);
  if (extension === undefined) return undefined;
  const { imagePullSecret, network } = extension.value.wasm;
  // istiod says that there is to be a secret, also where it has none.
  const secret = imagePullSecret === "" ? null : view.pullSecret(extension.namespace, imagePullSecret) ?? "";
  const config = pluginConfig(extension, secret);
  const typedConfig = network ? packAny(NETWORK_WASM, { config }) : packAny(HTTP_WASM, { config });
  return { name, value: encode("envoy.config.core.v3.TypedExtensionConfig", { name, typedConfig }) };
}

function pluginConfig({ name, version, value: { wasm } }: NamedExtension, secret: string | null): PluginConfig {
  const keyValues: Record<string, string> = {
    ...(secret === null ? {} : { ISTIO_META_WASM_IMAGE_PULL_SECRET: secret }),
    ...(wasm.imagePullPolicy === "UNSPECIFIED_POLICY"
      ? {}
      : { ISTIO_META_WASM_IMAGE_PULL_POLICY: wasm.imagePullPolicy }),
    ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION: version,
  };
  const hostEnvKeys: string[] = [];
  for (const variable of wasm.variables) {
    if ("value" in variable) keyValues[variable.name] = variable.value;
    else hostEnvKeys.push(variable.name);
  }
  const { pluginConfig, pluginName } = wasm;
  return {
    name,
    ...(pluginName === "" ? {} : { rootId: pluginName }),
    vmConfig: {
      runtime: "envoy.wasm.runtime.v8",
      code: codeOf(wasm),
      environmentVariables: { keyValues, ...(hostEnvKeys.length === 0 ? {} : { hostEnvKeys }) },
    },
    configuration: pluginConfig === undefined || Object.keys(pluginConfig).length === 0
      ? {}
      : packAny("google.protobuf.StringValue", { value: jsonAsInGo(pluginConfig) }),
    failurePolicy: wasm.failStrategy === "FAIL_CLOSE" ? "FAIL_CLOSED" : wasm.failStrategy,
  };
}

function codeOf({ url, sha256 }: WasmConfig): DataSource {
  if (url.startsWith("file:")) return { local: { filename: url.replace(/^file:\/\//, "") } };
  return {
    remote: {
      // The agent fetches it: the cluster is one that cannot be.
      httpUri: { uri: url, cluster: "_", timeout: { seconds: 30 } },
      ...(sha256 === "" ? {} : { sha256 }),
    },
  };
}

/** JSON as istiod writes it: keys in order, and characters of HTML as escapes. */
function jsonAsInGo(value: Json): string {
  return JSON.stringify(sorted(value)).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The same value with its keys in order. */
function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).map(([k, v]) => [k, sorted(v)]));
}
