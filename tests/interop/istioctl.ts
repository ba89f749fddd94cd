import { ensurePeer } from "./peers.ts";

/** Tables of `istioctl proxy-config`. */
export type Table = "listener" | "route" | "cluster" | "endpoint" | "secret" | "bootstrap" | "ecds" | "eds";

/**
 * What `istioctl proxy-config` prints of a dump.
 *
 * @param table Which table.
 * @param dump Text of `/config_dump?include_eds`, or of `/clusters?format=json` for `endpoint`.
 */
export async function proxyConfig(table: Table, dump: string): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/dump.json`, dump);
    return await istioctl(["proxy-config", table, "--file", `${folder}/dump.json`]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A control plane and the certificate to ask it with. */
export interface StatusQuestion {
  /** `host:port`. */
  readonly address: string;
  /** A workload's certificate with its key, and the roots, PEM. */
  readonly chain: string;
  readonly key: string;
  readonly roots: string;
}

/** What `istioctl proxy-status` prints of a control plane, as rows of cells. */
export async function proxyStatus({ address, chain, key, roots }: StatusQuestion): Promise<string[][]> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/cert-chain.pem`, chain);
    await Deno.writeTextFile(`${folder}/key.pem`, key);
    await Deno.writeTextFile(`${folder}/root-cert.pem`, roots);
    const authority = ["--authority", "istiod.istio-system.svc"];
    const text = await istioctl([
      "proxy-status",
      "--xds-address",
      address,
      "--cert-dir",
      folder,
      ...authority,
      "-v",
      "1",
      "--timeout",
      "5s",
      "--revision",
      "default",
    ]);
    return text.split("\n").filter((line) => line !== "").map((line) => line.trim().split(/ {2,}/));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function istioctl(args: string[]): Promise<string> {
  // Nobody asks a cluster for anything here.
  const env = { KUBECONFIG: "/dev/null", HOME: "/nonexistent" };
  const { success, stdout, stderr } = await new Deno.Command(await ensurePeer("istioctl"), { args, env }).output();
  const text = new TextDecoder().decode(stdout);
  if (!success) throw new Error(`Cannot run istioctl ${args.join(" ")}: ${new TextDecoder().decode(stderr)}${text}`);
  return text;
}
