import { mostSpecific } from "./host_match.ts";
import type { DestinationRule } from "./kinds/destination_rule.ts";
import { qualify, selects } from "./kinds/kind.ts";
import { byAge, type Named } from "./named.ts";

/** Rules of one host, merged; several where they are not for the same eyes or the same callers. */
type HostRules = Named<DestinationRule>[];

/** Who asks for a rule. */
export interface RuleClient {
  readonly namespace: string;
  /** `undefined` for the inbound side, where rules with a `workloadSelector` do not hold. */
  readonly labels: Readonly<Record<string, string>> | undefined;
}

/** The DestinationRules of the mesh by who may see them. Made per push. */
export class DestinationRules {
  readonly #local = new Map<string, Map<string, HostRules>>();
  readonly #exported = new Map<string, Map<string, HostRules>>();
  readonly #rootPrivate = new Map<string, HostRules>();
  readonly #rootNamespace: string;

  /** @param domain DNS domain of services. */
  constructor(objects: readonly Named<DestinationRule>[], domain: string, rootNamespace: string) {
    this.#rootNamespace = rootNamespace;
    for (const object of [...objects].sort(bySelector)) {
      const { namespace, value } = object;
      // A rule for some workloads is for its own namespace only.
      const exportTo = value.workloadSelector === undefined ? value.exportTo : ["."];
      const rule = { ...object, value: { ...value, exportTo, host: qualify(value.host, namespace, domain) } };
      const own = exportTo.includes(".") || exportTo.includes(namespace);
      if (exportTo.length === 0 || exportTo.includes("*") || own) add(poolOf(this.#local, namespace), rule);
      if (!(exportTo.length === 1 && own)) add(poolOf(this.#exported, namespace), rule);
      else if (namespace === rootNamespace) add(this.#rootPrivate, rule);
    }
  }

  /** The rule for a host: of the client's namespace, else of the service's, else of the mesh's root namespace. */
  find(hostname: string, serviceNamespace: string, client: RuleClient): Named<DestinationRule> | undefined {
    const inRoot = client.namespace === this.#rootNamespace;
    const own = mostSpecific(hostname, inRoot ? this.#rootPrivate : poolOf(this.#local, client.namespace));
    if (own !== undefined) return choose(own, client);
    for (const namespace of [serviceNamespace, this.#rootNamespace]) {
      const rules = (mostSpecific(hostname, poolOf(this.#exported, namespace)) ?? []).filter(({ value }) =>
        value.exportTo.length === 0 || value.exportTo.includes("*") || value.exportTo.includes(client.namespace)
      );
      if (rules.length > 0) return choose(rules, client);
    }
    return undefined;
  }
}

/** A rule that selects the caller, else the last one for all callers. */
function choose(rules: HostRules, { namespace, labels }: RuleClient): Named<DestinationRule> | undefined {
  let any: Named<DestinationRule> | undefined;
  for (const rule of rules) {
    const selector = rule.value.workloadSelector;
    if (selector === undefined) any = rule;
    else if (labels !== undefined && rule.namespace === namespace && selects(selector, labels)) return rule;
  }
  return any;
}

function bySelector(a: Named<DestinationRule>, b: Named<DestinationRule>): number {
  const rank = ({ value }: Named<DestinationRule>) => value.workloadSelector === undefined ? 1 : 0;
  return rank(a) - rank(b) || byAge(a, b);
}

function poolOf(pools: Map<string, Map<string, HostRules>>, namespace: string): Map<string, HostRules> {
  let pool = pools.get(namespace);
  if (pool === undefined) pools.set(namespace, pool = new Map());
  return pool;
}

/**
 * Adds a rule, or merges it into those of its host for the same eyes and the same callers: its subsets join theirs,
 * its policy counts where they have none.
 */
function add(pool: Map<string, HostRules>, rule: Named<DestinationRule>): void {
  const { host } = rule.value;
  const rules = pool.get(host);
  if (rules === undefined) {
    pool.set(host, [rule]);
    return;
  }
  let separate = true;
  rules.forEach((existing, index) => {
    const eyes = compareEyes(existing.value.exportTo, rule.value.exportTo);
    const callers = compareCallers(existing.value, rule.value);
    // As istiod decides it, case by case: the last rule met says whether the new one also stands for itself.
    separate = eyes !== "same" && callers !== "same" || eyes === "other" || callers === "other";
    if (eyes !== "other" && callers !== "other") rules[index] = merged(existing, rule.value);
  });
  if (separate) rules.push(rule);
}

/** Whether a new rule is seen by those who see an existing one. */
function compareEyes(existing: readonly string[], added: readonly string[]): "same" | "wider" | "other" {
  const wider = existing.every((item) => added.includes(item));
  if (wider && added.every((item) => existing.includes(item))) return "same";
  return wider && existing.length > 0 ? "wider" : "other";
}

/** Whether two rules are for the same callers; `"mixed"` where one of them is for all. */
function compareCallers(a: DestinationRule, b: DestinationRule): "same" | "other" | "mixed" {
  const [first, second] = [a.workloadSelector, b.workloadSelector];
  if (first === undefined && second === undefined) return "same";
  if (first === undefined || second === undefined) return "mixed";
  return selects(first, second) && selects(second, first) ? "same" : "other";
}

function merged(existing: Named<DestinationRule>, added: DestinationRule): Named<DestinationRule> {
  const { value } = existing;
  const known = new Set(value.subsets.map((subset) => subset.name));
  return {
    ...existing,
    value: {
      ...value,
      subsets: [...value.subsets, ...added.subsets.filter((subset) => !known.has(subset.name))],
      policy: value.policy ?? added.policy,
    },
  };
}
