/** Runs a program of `tests/support/programs/` in a process of its own, under exactly the flags given. */
import type { JoinOptions } from "../../mod.ts";
import type { FakeIstiod } from "../../lib/testing/mod.ts";

const ROOT = new URL("../../", import.meta.url);
/** A process that has not ended by then is ended, and its test fails. */
const CAP_MS = 20_000;

/** What a program left behind. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs. */
export interface Program extends AsyncDisposable {
  /** The next line of its standard output; `null` at its end. */
  line(): Promise<string | null>;
  /** What it has written to standard error so far. */
  readonly errors: string;
  /** Whether it has ended. */
  readonly ended: boolean;
  /** Ends its standard input: the signal of these programs. */
  stop(): Promise<void>;
  /** Waits until it has ended by itself. */
  outcome(): Promise<Outcome>;
}

/** Starts a program. The environment is empty but for what is given and what the runtime needs for its cache. */
export function start(
  name: string,
  flags: readonly string[],
  args: readonly string[],
  env: Record<string, string> = {},
): Program {
  const kept = ["HOME", "PATH", "DENO_DIR", "XDG_CACHE_HOME"].flatMap((key) => {
    const value = Deno.env.get(key);
    return value === undefined ? [] : [[key, value]];
  });
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--cached-only", ...flags, `tests/support/programs/${name}`, ...args],
    cwd: ROOT,
    clearEnv: true,
    env: { ...Object.fromEntries(kept), NO_COLOR: "1", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const cap = setTimeout(() => child.kill("SIGKILL"), CAP_MS);
  const lines = child.stdout.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  let errors = "";
  const stderr = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) errors += text;
    return errors;
  })();
  let read = "";
  let taken = 0;
  let ended = false;
  const status = child.status.finally(() => {
    ended = true;
    clearTimeout(cap);
  });
  const more = async (): Promise<boolean> => {
    const { done, value } = await lines.next();
    if (!done) read += value;
    return done !== true;
  };
  const stop = async (): Promise<void> => {
    await child.stdin.close().catch(() => {});
  };
  return {
    async line() {
      while (!read.includes("\n", taken)) if (!await more()) return null;
      const end = read.indexOf("\n", taken);
      const line = read.slice(taken, end);
      taken = end + 1;
      return line;
    },
    get errors() {
      return errors;
    },
    get ended() {
      return ended;
    },
    stop,
    async outcome() {
      while (await more());
      const [{ code }, text] = await Promise.all([status, stderr]);
      await stop();
      return { code, stdout: read.slice(taken), stderr: text };
    },
    async [Symbol.asyncDispose]() {
      if (!ended) child.kill("SIGKILL");
      while (await more());
      await Promise.all([status, stderr]);
      await stop();
    },
  };
}

/** Files a workload reads: token and root certificate, in a folder of their own. */
export interface Credentials extends AsyncDisposable {
  readonly folder: string;
  /** What `Mesh.join` takes, as JSON allows it: no port is listened on, and nothing comes from the environment. */
  readonly options: JoinOptions;
}

/** Writes the token and the root of a service account of namespace `default`. */
export async function credentials(istiod: FakeIstiod, serviceAccount: string): Promise<Credentials> {
  const folder = await Deno.makeTempDir();
  const token = await istiod.tokens.mint({ namespace: "default", serviceAccount });
  await Promise.all([
    Deno.writeTextFile(`${folder}/istio-token`, token),
    Deno.writeTextFile(`${folder}/root-cert.pem`, istiod.rootCertificates),
  ]);
  return {
    folder,
    options: {
      discoveryAddress: istiod.discoveryAddress,
      token: { file: `${folder}/istio-token` },
      rootCertificates: { file: `${folder}/root-cert.pem` },
      workload: {
        name: `${serviceAccount}-1`,
        namespace: "default",
        serviceAccount,
        ips: ["127.0.0.1"],
        labels: { app: serviceAccount },
      },
      env: {},
      admin: false,
      statusPort: false,
      readinessPort: false,
      prometheusPort: false,
    },
    async [Symbol.asyncDispose]() {
      await Deno.remove(folder, { recursive: true });
    },
  };
}
