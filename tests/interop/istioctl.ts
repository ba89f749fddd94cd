import { ensurePeer } from "./peers.ts";

/** Tables of `istioctl proxy-config`. */
export type Table = "listener" | "route" | "cluster" | "endpoint" | "secret" | "bootstrap" | "ecds" | "eds";

/**
 * What `istioctl proxy-config` prints of a dump.
 *
 * @param table Which table.
 * @param dump Text of `/config_dump?include_eds`, or of `/clusters?format=json` for `endpoint`.
 * @param args More arguments.
 */
export async function proxyConfig(table: Table, dump: string, ...args: string[]): Promise<string> {
  const program = await ensurePeer("istioctl");
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(file, dump);
    // No cluster is asked for what is in a file.
    const env = { KUBECONFIG: "/dev/null", HOME: "/nonexistent" };
    const { success, stdout, stderr } = await new Deno.Command(program, {
      args: ["proxy-config", table, "--file", file, ...args],
      env,
    }).output();
    const text = new TextDecoder().decode(stdout);
    if (!success) throw new Error(`Cannot print ${table}: ${new TextDecoder().decode(stderr)}${text}`);
    return text;
  } finally {
    await Deno.remove(file);
  }
}
