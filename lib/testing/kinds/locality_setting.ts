import type { Fields } from "../fields.ts";

/** Which localities requests go to. Localities are `region/zone/subZone`, parts may be left out or `*`. */
export interface LocalitySetting {
  /** Without it every endpoint is as good as any other. */
  readonly enabled: boolean;
  /** Shares of localities, in percent, for callers of one locality. `undefined` where requests fail over instead. */
  readonly distribute:
    | readonly { readonly from: string; readonly to: Readonly<Record<string, number>> }[]
    | undefined;
  /** The region to go to when the caller's own has nothing left. */
  readonly failover: readonly { readonly from: string; readonly to: string }[];
  /** Labels, or `label=value`, whose agreement makes an endpoint better; the first counts most. */
  readonly failoverPriority: readonly string[];
}

/** Reads `localityLbSetting`, `undefined` where absent. */
export function parseLocalitySetting(fields: Fields | undefined): LocalitySetting | undefined {
  if (fields === undefined) return undefined;
  fields.only("enabled", "distribute", "failover", "failoverPriority");
  const distribute = fields.list("distribute").map((entry) => {
    entry.only("from", "to");
    const to = entry.object("to");
    const shares: Record<string, number> = {};
    for (const locality of to?.names ?? []) shares[locality] = to!.number(locality, 1, 100)!;
    const sum = Object.values(shares).reduce((total, share) => total + share, 0);
    if (sum !== 100) throw entry.error("to", `must have shares whose sum is 100, current sum is '${sum}'`);
    return { from: entry.requiredString("from"), to: shares };
  });
  if (distribute.length > 0 && (fields.has("failover") || fields.has("failoverPriority"))) {
    throw fields.error("distribute", "must not be there beside 'failover' or 'failoverPriority'");
  }
  return {
    enabled: fields.boolean("enabled") ?? true,
    distribute: distribute.length === 0 ? undefined : distribute,
    failover: fields.list("failover").map((entry) => {
      entry.only("from", "to");
      return { from: entry.requiredString("from"), to: entry.requiredString("to") };
    }),
    failoverPriority: fields.strings("failoverPriority"),
  };
}
