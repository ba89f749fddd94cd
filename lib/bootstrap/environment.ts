/** The environment variables, as far as they may be read. Injected, so that tests and programs can bring their own. */
export interface Environment {
  /** The value of one variable; `undefined` when it is not set, or may not be read (then it is in `skipped`). */
  get(name: string): string | undefined;
  /** Every variable whose name starts with `prefix`; only those asked for before when listing is not allowed. */
  list(prefix: string): Readonly<Record<string, string>>;
  /** Variables, and prefixes followed by `*`, that could not be read for want of permission. */
  readonly skipped: readonly string[];
}

/** An environment made of a record; nothing else is visible through it. */
export function recordEnvironment(record: Readonly<Record<string, string>>): Environment {
  return {
    get: (name) => Object.hasOwn(record, name) ? record[name] : undefined,
    list: (prefix) => withPrefix(record, prefix),
    skipped: [],
  };
}

/**
 * The environment of the process. A variable that may not be read counts as not set and is remembered: the runtime is
 * never made to prompt. Variables are listed only where the whole environment may be read.
 */
export function processEnvironment(): Environment {
  if (granted({ name: "env" })) return recordEnvironment(Deno.env.toObject());
  const skipped = new Set<string>();
  const seen: Record<string, string> = {};
  return {
    get(name) {
      if (!granted({ name: "env", variable: name })) {
        skipped.add(name);
        return undefined;
      }
      const value = Deno.env.get(name);
      if (value !== undefined) seen[name] = value;
      return value;
    },
    list(prefix) {
      skipped.add(`${prefix}*`);
      return withPrefix(seen, prefix);
    },
    get skipped() {
      return [...skipped];
    },
  };
}

/** Environments over each other, the first one on top. */
export function layeredEnvironment(layers: readonly Environment[]): Environment {
  return {
    get(name) {
      for (const layer of layers) {
        const value = layer.get(name);
        if (value !== undefined) return value;
      }
      return undefined;
    },
    list: (prefix) => Object.assign({}, ...layers.map((layer) => layer.list(prefix)).reverse()),
    get skipped() {
      return layers.flatMap((layer) => layer.skipped);
    },
  };
}

function granted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}

function withPrefix(record: Readonly<Record<string, string>>, prefix: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name.startsWith(prefix)));
}
