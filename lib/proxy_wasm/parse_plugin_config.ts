import type {
  EnvoyConfigCoreV3AsyncDataSource,
  EnvoyExtensionsWasmV3PluginConfig,
  EnvoyExtensionsWasmV3VmConfig,
  GoogleProtobufAny,
} from "../protobuf/gen/messages.ts";
import { decode, messageName } from "../protobuf/registry.ts";
import { durationMs, structToJson } from "../protobuf/well_known.ts";
import { type Issues, reasonOf } from "../resource/issues.ts";
import { flag, parseEnum, parsePositiveDuration } from "../resource/parse_common.ts";
import { type FailurePolicy, PluginConfig, type VmConfig } from "./plugin_config.ts";
import type { ModuleLocation } from "./source/module_location.ts";
import { pullSettings, withoutPullSettings } from "./source/pull_settings.ts";

const POLICIES: Readonly<Record<string, FailurePolicy>> = {
  UNSPECIFIED: "closed",
  FAIL_RELOAD: "reload",
  FAIL_CLOSED: "closed",
  FAIL_OPEN: "open",
};
const RELOAD_BASE_MS = 1000;
const NOTHING: ModuleLocation = { kind: "inline", bytes: new Uint8Array(0) };

/**
 * Reads the configuration of a plugin (`envoy.extensions.wasm.v3.PluginConfig`).
 *
 * @param issues Where everything that is wrong or not supported is noted.
 * @param path The field it is in.
 * @param message What was decoded.
 */
export function parsePluginConfig(
  issues: Issues,
  path: string,
  message: EnvoyExtensionsWasmV3PluginConfig,
): PluginConfig {
  const allowed = Object.keys(message.capabilityRestrictionConfig?.allowedCapabilities ?? {});
  const backoff = message.reloadConfig?.backoff;
  const backoffPath = `${path}.reload_config.backoff`;
  const baseMs = parsePositiveDuration(issues, `${backoffPath}.base_interval`, backoff?.baseInterval, RELOAD_BASE_MS);
  const maxMs = parsePositiveDuration(issues, `${backoffPath}.max_interval`, backoff?.maxInterval, baseMs * 10);
  if (maxMs < baseMs) issues.invalid(`${backoffPath}.max_interval`, "it must be at least 'base_interval'", maxMs);
  if (message.vmConfig === undefined) issues.invalid(`${path}.vm_config`, "it must say what to run");
  return new PluginConfig({
    name: message.name ?? "",
    rootId: message.rootId ?? "",
    vm: parseVmConfig(
      issues,
      `${path}.vm_config`,
      message.name ?? "",
      message.vmConfig ?? {},
      allowed.length === 0 ? null : new Set(allowed),
    ),
    configuration: configurationBytes(issues, `${path}.configuration`, message.configuration),
    failurePolicy: parsePolicy(issues, path, message),
    reload: { baseMs, maxMs },
    allowOnHeadersStopIteration: flag(message.allowOnHeadersStopIteration, false),
  });
}

function parsePolicy(issues: Issues, path: string, message: EnvoyExtensionsWasmV3PluginConfig): FailurePolicy {
  const policy = parseEnum(issues, `${path}.failure_policy`, message.failurePolicy, POLICIES, "closed");
  if (!(message.failOpen ?? false)) return policy;
  if (message.failurePolicy !== undefined) {
    issues.invalid(`${path}.fail_open`, "it must not stand beside 'failure_policy'", true);
  }
  return "open";
}

function parseVmConfig(
  issues: Issues,
  path: string,
  plugin: string,
  message: EnvoyExtensionsWasmV3VmConfig,
  capabilities: ReadonlySet<string> | null,
): VmConfig {
  const runtime = message.runtime ?? "";
  if (runtime === "envoy.wasm.runtime.null") issues.unsupport(`${path}.runtime`, runtime);
  const variables = message.environmentVariables;
  for (const key of variables?.hostEnvKeys ?? []) {
    // What is in our own environment is not the control plane's to hand out.
    issues.unsupport(`${path}.environment_variables.host_env_keys`, key);
  }
  const keyValues = variables?.keyValues ?? {};
  return {
    vmId: message.vmId ?? "",
    runtime,
    code: parseCode(issues, `${path}.code`, message.code, plugin, keyValues),
    configuration: configurationBytes(issues, `${path}.configuration`, message.configuration),
    environment: withoutPullSettings(keyValues),
    capabilities,
  };
}

function parseCode(
  issues: Issues,
  path: string,
  source: EnvoyConfigCoreV3AsyncDataSource | undefined,
  plugin: string,
  variables: Readonly<Record<string, string>>,
): ModuleLocation {
  const local = source?.local;
  if (local?.inlineBytes !== undefined) return { kind: "inline", bytes: local.inlineBytes };
  if (local?.inlineString !== undefined) return { kind: "inline", bytes: new TextEncoder().encode(local.inlineString) };
  if (local?.filename !== undefined) return { kind: "file", path: local.filename };
  if (local?.environmentVariable !== undefined) {
    issues.unsupport(`${path}.local.environment_variable`, local.environmentVariable);
    return NOTHING;
  }
  const remote = source?.remote;
  if (remote === undefined) {
    issues.invalid(path, "it must say where the module is");
    return NOTHING;
  }
  const url = remote.httpUri?.uri ?? "";
  if (!/^(https?|oci):\/\/./.test(url)) {
    issues.invalid(`${path}.remote.http_uri.uri`, "it must begin with 'http://', 'https://' or 'oci://'", url);
  }
  const sha256 = (remote.sha256 ?? "").toLowerCase();
  if (!/^([0-9a-f]{64})?$/.test(sha256)) {
    issues.invalid(`${path}.remote.sha256`, "it must be 64 hexadecimal digits or empty", remote.sha256);
  }
  return {
    kind: "remote",
    url,
    sha256,
    timeoutMs: durationMs(remote.httpUri?.timeout) ?? null,
    pull: pullSettings(variables),
    plugin,
  };
}

/** A configuration as modules are given it: a Struct as JSON, the wrappers' content as it is, others' bytes. */
function configurationBytes(issues: Issues, path: string, any: GoogleProtobufAny | undefined): Uint8Array {
  const bytes = any?.value ?? new Uint8Array(0);
  try {
    switch (messageName(any?.typeUrl ?? "")) {
      case "google.protobuf.Struct":
        return new TextEncoder().encode(JSON.stringify(structToJson(decode("google.protobuf.Struct", bytes))));
      case "google.protobuf.StringValue":
        return new TextEncoder().encode(decode("google.protobuf.StringValue", bytes).value ?? "");
      case "google.protobuf.BytesValue":
        return decode("google.protobuf.BytesValue", bytes).value ?? new Uint8Array(0);
    }
  } catch (error) {
    issues.invalid(path, `it cannot be read (${reasonOf(error)})`);
  }
  return bytes;
}
