import { ensurePeer } from "./peers.ts";

/** A running Envoy. */
export interface RunningEnvoy extends AsyncDisposable {
  readonly pid: number;
  /** Base URL of its admin interface. */
  readonly admin: string;
  /** What it wrote so far. */
  log(): string;
}

/** Starts Envoy with a configuration and resolves once it is live. Ports in the configuration are the caller's. */
export async function startEnvoy(
  config: unknown,
  options: { concurrency?: number; drainSeconds?: number } = {},
): Promise<RunningEnvoy> {
  const program = await ensurePeer("envoy");
  const folder = await Deno.makeTempDir();
  const adminPath = `${folder}/admin`;
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(config));
  const child = new Deno.Command(program, {
    args: [
      ...["-c", `${folder}/config.json`, "--admin-address-path", adminPath, "--use-dynamic-base-id"],
      ...["--concurrency", String(options.concurrency ?? 1), "--log-level", "warning"],
      ...["--drain-time-s", String(options.drainSeconds ?? 600)],
    ],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let text = "";
  const reading = (async () => {
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) text += chunk;
  })();
  let exited = false;
  const status = child.status.then((status) => {
    exited = true;
    return status;
  });
  const stop = async () => {
    if (!exited) child.kill("SIGKILL");
    await status;
    await reading;
    await Deno.remove(folder, { recursive: true });
  };
  const deadline = performance.now() + 30_000;
  for (;;) {
    const admin = await readIfThere(adminPath);
    if (admin !== null && await isLive(`http://${admin}`)) {
      return { pid: child.pid, admin: `http://${admin}`, log: () => text, [Symbol.asyncDispose]: stop };
    }
    if (exited || performance.now() > deadline) {
      await stop();
      throw new Error(`Cannot start Envoy: ${exited ? "it ended" : "it was not live after 30 s"}:\n${text}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    const text = await Deno.readTextFile(path);
    return text.trim() === "" ? null : text.trim();
  } catch {
    return null;
  }
}

async function isLive(admin: string): Promise<boolean> {
  try {
    const response = await fetch(`${admin}/ready`);
    return (await response.text()).trim() === "LIVE";
  } catch {
    return false;
  }
}

/** A port of the loopback interface that is free now. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}
