import type { Json } from "../protobuf/well_known.ts";
import type { SubsetFallback, SubsetSelector, SubsetSettings } from "../resource/load_balancing.ts";
import type { Host } from "./host.ts";
import type { HostSet } from "./host_set.ts";
import type { LoadBalancer, PickContext } from "./load_balancer.ts";

type Labels = Readonly<Record<string, Json>>;

/** What becomes of a request that wants certain metadata. */
type Answer<H extends Host> =
  /** The balancers to ask, one after the other, the first host counts. */
  readonly LoadBalancer<H>[];

const FALLBACK_LIST = "fallback_list";

/**
 * Divides the hosts of a cluster by their metadata, as Envoy's subset balancer: a request that wants certain metadata
 * goes to the subset of just these keys, or by the fallback policy where there is none. Subsets are indexed at once and
 * get a balancer of their own when first asked for.
 */
export class SubsetBalancer<H extends Host> implements LoadBalancer<H> {
  readonly #hosts: HostSet<H>;
  readonly #settings: SubsetSettings;
  readonly #make: (hosts: HostSet<H>, name: string) => LoadBalancer<H>;
  /** Hosts by selector (its keys) and values. */
  readonly #members = new Map<string, Set<H>>();
  readonly #balancers = new Map<string, LoadBalancer<H>>();
  /** Answers by what was asked for: routes hold one object each. */
  readonly #answers = new WeakMap<Labels, Answer<H>>();
  /** The answer to requests that ask for nothing. */
  #plain: Answer<H> | null = null;

  /**
   * @param hosts All hosts.
   * @param settings Selectors and fallback policies.
   * @param make Makes the balancer of a part of the hosts; the name tells the parts apart.
   */
  constructor(
    hosts: HostSet<H>,
    settings: SubsetSettings,
    make: (hosts: HostSet<H>, name: string) => LoadBalancer<H>,
  ) {
    this.#hosts = hosts;
    this.#settings = settings;
    this.#make = make;
    for (const host of hosts.hosts()) {
      for (const selector of settings.selectors) {
        for (const name of subsetsOf(host.labels, selector.keys, settings.listAsAny)) {
          const members = this.#members.get(name);
          if (members === undefined) this.#members.set(name, new Set([host]));
          else if (!selector.singleHost) members.add(host);
        }
      }
    }
  }

  pick(context: PickContext): H | null {
    const { subset } = context;
    let answer = subset === null ? this.#plain ??= this.#find(null) : this.#answers.get(subset);
    if (answer === undefined) this.#answers.set(subset!, answer = this.#answer(subset!));
    for (const balancer of answer) {
      const host = balancer.pick(context);
      if (host !== null) return host;
    }
    return null;
  }

  #answer(wanted: Labels): Answer<H> {
    const list = this.#settings.metadataFallbackList ? wanted[FALLBACK_LIST] : undefined;
    if (!Array.isArray(list)) return this.#find(wanted);
    const { [FALLBACK_LIST]: _, ...plain } = wanted;
    if (list.length === 0) return this.#find(plain);
    return list.flatMap((instead) => {
      const merged = typeof instead === "object" && instead !== null && !Array.isArray(instead) ? instead : {};
      return this.#find({ ...plain, ...merged });
    });
  }

  #find(wanted: Labels | null): Answer<H> {
    const { selectors, allowRedundantKeys, fallback, panicModeAny } = this.#settings;
    if (wanted !== null) {
      let keys = Object.keys(wanted).sort();
      if (allowRedundantKeys) {
        keys = selectors.find((selector) => selector.keys.every((key) => keys.includes(key)))?.keys.slice() ?? keys;
      }
      const name = subsetName(keys, keys.map((key) => wanted[key]!));
      if (this.#members.has(name)) return [this.#subset(name)];
      const selector = this.#selectorOf(keys);
      if (selector !== null && selector.fallback !== null) {
        if (selector.fallback !== "keys_subset") return this.#fallback(selector.fallback);
        return this.#find(Object.fromEntries(selector.fallbackKeys.map((key) => [key, wanted[key]!])));
      }
    }
    if (fallback === "no_fallback") return [];
    return panicModeAny ? [...this.#fallback(fallback), ...this.#fallback("any_endpoint")] : this.#fallback(fallback);
  }

  /** Envoy: a selector's own policy counts only where no selector before it begins with the same keys. */
  #selectorOf(keys: readonly string[]): SubsetSelector | null {
    const first = this.#settings.selectors.find((selector) => keys.every((key, index) => key === selector.keys[index]));
    return first === undefined || first.keys.length !== keys.length ? null : first;
  }

  #fallback(policy: SubsetFallback): Answer<H> {
    switch (policy) {
      case "no_fallback":
        return [];
      case "any_endpoint":
        return [this.#part("any", () => true)];
      case "default_subset": {
        const { defaultSubset, listAsAny } = this.#settings;
        return [this.#part("default", ({ labels }) => hasLabels(labels, defaultSubset, listAsAny))];
      }
    }
  }

  #subset(name: string): LoadBalancer<H> {
    const members = this.#members.get(name)!;
    return this.#part(name, (host) => members.has(host));
  }

  #part(name: string, wanted: (host: H) => boolean): LoadBalancer<H> {
    const known = this.#balancers.get(name);
    if (known !== undefined) return known;
    const scale = this.#settings.scaleLocalityWeight;
    const hosts = this.#hosts.filter(wanted, ({ weight, hosts }, left) => {
      // Envoy rounds, and a locality that has hosts keeps a weight.
      return !scale || weight === null || left === 0 ? weight : Math.max(1, Math.round(weight * left / hosts.length));
    });
    const made = this.#make(hosts, name);
    this.#balancers.set(name, made);
    return made;
  }
}

/** Names of the subsets that a host belongs to by the keys of a selector; none where it lacks one of them. */
function subsetsOf(labels: Labels, keys: readonly string[], listAsAny: boolean): string[] {
  let values: Json[][] = [[]];
  for (const key of keys) {
    const value = labels[key];
    if (value === undefined) return [];
    const each = listAsAny && Array.isArray(value) ? value : [value];
    values = values.flatMap((former) => each.map((one) => [...former, one]));
  }
  return keys.length === 0 ? [] : values.map((row) => subsetName(keys, row));
}

function subsetName(keys: readonly string[], values: readonly Json[]): string {
  return JSON.stringify([keys, values]);
}

function hasLabels(labels: Labels, wanted: Labels, listAsAny: boolean): boolean {
  return Object.entries(wanted).every(([key, value]) => {
    const own = labels[key];
    const text = JSON.stringify(value);
    if (own === undefined) return false;
    if (listAsAny && Array.isArray(own)) return own.some((one) => JSON.stringify(one) === text);
    return JSON.stringify(own) === text;
  });
}
