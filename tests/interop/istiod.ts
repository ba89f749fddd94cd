import { ensurePeer } from "./peers.ts";

/** A running istiod. */
export interface RunningIstiod extends AsyncDisposable {
  /** `ip:port` of discovery service and CA. */
  readonly discoveryAddress: string;
  /** Root certificate, PEM. */
  readonly root: string;
  /** A token for a service account, audience `istio-ca` unless another is named. */
  token(namespace: string, serviceAccount: string, audience?: string): Promise<string>;
  /** Creates or replaces the objects of YAML documents. */
  apply(yaml: string): Promise<void>;
  /** Deletes the objects of YAML documents. */
  delete(yaml: string): Promise<void>;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
}

/** Settings of {@linkcode startIstiod}. */
export interface IstiodOptions {
  /** Kubernetes objects to start with, YAML. */
  objects?: string;
  /** Istio objects to start with, YAML. */
  configs?: string;
  /** Mesh configuration over the defaults, YAML. */
  mesh?: string;
  /** Folder for keys, so that a restarted istiod keeps its CA. @default {a folder of its own} */
  state?: string;
  /** Port of the discovery service. @default {0, one is chosen} */
  port?: number;
}

/** Starts istiod and resolves once it answers. */
export async function startIstiod(options: IstiodOptions = {}): Promise<RunningIstiod> {
  const program = await ensurePeer("istiod");
  const folder = await Deno.makeTempDir();
  const args = ["-state", options.state ?? folder, "-port", String(options.port ?? 0)];
  for (const name of ["objects", "configs", "mesh"] as const) {
    const text = options[name];
    if (text === undefined) continue;
    await Deno.writeTextFile(`${folder}/${name}.yaml`, text);
    args.push(`-${name}`, `${folder}/${name}.yaml`);
  }
  const child = new Deno.Command(program, { args, stdout: "piped", stderr: "piped" }).spawn();
  let errors = "";
  const ready = Promise.withResolvers<{ discovery: string; control: string; root: string }>();
  const reading = Promise.all([
    (async () => {
      let text = "";
      for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        const lines = text.split("\n");
        text = lines.pop()!;
        // istiod's own log goes to standard output too: the ready line is the one that is an object.
        const line = lines.find((line) => line.startsWith('{"control"'));
        if (line !== undefined) ready.resolve(JSON.parse(line));
      }
      ready.reject(new Error(`Cannot start istiod: it ended:\n${errors.slice(-2000)}`));
    })(),
    (async () => {
      for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) errors += chunk;
    })(),
  ]);
  let stopped: Promise<void> | null = null;
  const stop = () =>
    stopped ??= (async () => {
      try {
        child.kill("SIGKILL");
      } catch { /* it has ended already */ }
      await child.status;
      await reading;
      await Deno.remove(folder, { recursive: true });
    })();
  const limit = setTimeout(() => ready.reject(new Error("Cannot start istiod: it was not ready after 30 s")), 30_000);
  let facts: { discovery: string; control: string; root: string };
  try {
    facts = await ready.promise;
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(limit);
  }
  const post = async (path: string, body: string) => {
    const response = await fetch(`${facts.control}${path}`, { method: "POST", body });
    const text = await response.text();
    if (!response.ok) throw new Error(`Cannot ${path.slice(1)}: ${text.trim()}`);
  };
  return {
    discoveryAddress: facts.discovery,
    root: facts.root,
    async token(namespace, serviceAccount, audience = "istio-ca") {
      const query = new URLSearchParams({ ns: namespace, sa: serviceAccount, aud: audience });
      return await (await fetch(`${facts.control}/token?${query}`)).text();
    },
    apply: (yaml) => post("/apply", yaml),
    delete: (yaml) => post("/delete", yaml),
    kill: stop,
    [Symbol.asyncDispose]: stop,
  };
}
