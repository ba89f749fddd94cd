import type { EnumValue, GoogleProtobufStruct } from "../protobuf/gen/messages.ts";
import { structToJson } from "../protobuf/well_known.ts";
import type { Issues } from "./issues.ts";
import type { SubsetSelector, SubsetSettings } from "./load_balancing.ts";
import { parseEnum } from "./parse_common.ts";

const FALLBACKS = {
  NO_FALLBACK: "no_fallback",
  ANY_ENDPOINT: "any_endpoint",
  DEFAULT_SUBSET: "default_subset",
} as const;
const SELECTOR_FALLBACKS = { NOT_DEFINED: null, ...FALLBACKS, KEYS_SUBSET: "keys_subset" } as const;
const METADATA_FALLBACKS = { METADATA_NO_FALLBACK: false, FALLBACK_LIST: true } as const;

interface SelectorMessage {
  keys?: string[];
  singleHostPerSubset?: boolean;
  fallbackPolicy?: EnumValue;
  fallbackKeysSubset?: string[];
}

interface SubsetMessage {
  fallbackPolicy?: EnumValue;
  defaultSubset?: GoogleProtobufStruct;
  subsetSelectors?: SelectorMessage[];
  localityWeightAware?: boolean;
  scaleLocalityWeight?: boolean;
  panicModeAny?: boolean;
  listAsAny?: boolean;
  metadataFallbackPolicy?: EnumValue;
}

/** Reads `lb_subset_config`, or the policy of the same fields. */
export function parseSubsetSettings(
  issues: Issues,
  path: string,
  config: SubsetMessage,
  allowRedundantKeys: boolean,
): SubsetSettings {
  return {
    fallback: parseEnum(issues, `${path}.fallback_policy`, config.fallbackPolicy, FALLBACKS, "no_fallback"),
    defaultSubset: structToJson(config.defaultSubset),
    selectors: (config.subsetSelectors ?? []).map((selector, index) =>
      parseSelector(issues, `${path}.subset_selectors[${index}]`, selector)
    ),
    allowRedundantKeys,
    localityWeightAware: config.localityWeightAware ?? false,
    scaleLocalityWeight: config.scaleLocalityWeight ?? false,
    panicModeAny: config.panicModeAny ?? false,
    listAsAny: config.listAsAny ?? false,
    metadataFallbackList: parseEnum(
      issues,
      `${path}.metadata_fallback_policy`,
      config.metadataFallbackPolicy,
      METADATA_FALLBACKS,
      false,
    ),
  };
}

function parseSelector(issues: Issues, path: string, selector: SelectorMessage): SubsetSelector {
  const keys = sorted(selector.keys);
  const fallback = parseEnum<SubsetSelector["fallback"]>(
    issues,
    `${path}.fallback_policy`,
    selector.fallbackPolicy,
    SELECTOR_FALLBACKS,
    null,
  );
  const fallbackKeys = sorted(selector.fallbackKeysSubset);
  if (fallback === "keys_subset") {
    // Anything else would ask the same question again.
    if (fallbackKeys.length === 0) issues.invalid(`${path}.fallback_keys_subset`, "it must not be empty", "");
    if (fallbackKeys.some((key) => !keys.includes(key)) || fallbackKeys.length >= keys.length) {
      issues.invalid(`${path}.fallback_keys_subset`, "it must hold some of the keys and not all", fallbackKeys);
    }
  } else if (fallbackKeys.length > 0) {
    issues.invalid(`${path}.fallback_keys_subset`, "only the fallback policy KEYS_SUBSET may have it", fallbackKeys);
  }
  return { keys, fallback, fallbackKeys, singleHost: selector.singleHostPerSubset ?? false };
}

function sorted(keys: readonly string[] | undefined): string[] {
  return [...new Set(keys)].sort();
}
