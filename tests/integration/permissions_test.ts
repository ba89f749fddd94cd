/**
 * README's table of permissions holds: each feature works under exactly the flags of its rows, and each value taken
 * away gives a message with the flag that grants it. Programs run in processes of their own.
 */
import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { INSTALLED_VM_FILES } from "../../lib/bootstrap/vm.ts";
import { POD_FILES } from "../../lib/bootstrap/in_pod.ts";
import { FakeIstiod } from "../../lib/testing/mod.ts";
import { systemResolve } from "../../lib/transport/dns.ts";
import { Mesh } from "../../mod.ts";
import { echoWorkload } from "../support/echo_workload.ts";
import { PermissionSet, readPermissionsTable } from "../support/permissions_table.ts";
import { credentials, start } from "../support/program.ts";

const TABLE = await readPermissionsTable();
const ISTIOD = "istiod.istio-system.svc:15012";
const NO_PORTS = { admin: false, statusPort: false, readinessPort: false, prometheusPort: false } as const;
const WHO = { POD_NAME: "both-1", POD_NAMESPACE: "default", SERVICE_ACCOUNT: "both", INSTANCE_IP: "127.0.0.1" };
const quiet = { log: () => {} };

/** The flags of some rows together. */
function rows(...features: readonly string[]): PermissionSet {
  return PermissionSet.of(features.flatMap((feature) => {
    const flags = TABLE.get(feature);
    assert.ok(flags, `README's table has no row '${feature}'`);
    return flags;
  }));
}

/** A program with its arguments, to be run under several sets. */
interface Run {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Record<string, string>;
}

/** Runs a program to its end; its standard input ends once it has said its first line. */
async function run(
  { program, args, env = {} }: Run,
  { flags }: PermissionSet,
): Promise<{ code: number; stdout: string; all: string }> {
  await using started = start(program, flags, args, env);
  const first = await started.line();
  await started.stop();
  const { code, ...rest } = await started.outcome();
  const stdout = `${first ?? ""}\n${rest.stdout}`;
  const all = `${stdout}\n${rest.stderr}`;
  // Not killed, no panic, and no error of the runtime that nobody has put into words.
  assert.ok(code === 0 || code === 1, `Ended with '${code}': ${all}`);
  assert.doesNotMatch(all, /panicked|Uncaught \(in promise\) NotCapable/);
  return { code, stdout, all };
}

/** It works under the set; without a value, or several, it says which flag is missing. */
async function holds(what: Run, set: PermissionSet, works: RegExp, missing: Readonly<Record<string, string>>) {
  const { all } = await run(what, set);
  assert.match(all, works);
  for (const [values, flag] of Object.entries(missing)) {
    const { all } = await run(what, set.without(...values.split(",")));
    assert.ok(all.split(/[\s"]/).includes(flag), `Without '${values}': expected '${flag}' in\n${all}`);
    assert.doesNotMatch(all, works);
  }
}

Deno.test("join by options: istiod's address and the variables of the gRPC library", async () => {
  await using istiod = await FakeIstiod.start();
  const token = await istiod.tokens.mint({ namespace: "default", serviceAccount: "both" });
  const options = { ...istiod.workload({ name: "both-1", serviceAccount: "both" }), token };
  await holds(
    { program: "joiner.ts", args: [JSON.stringify(options), "close"] },
    rows("join, in any way", "by options only").with({ [ISTIOD]: istiod.discoveryAddress }),
    /^joined$/m,
    { [istiod.discoveryAddress]: `--allow-net=${istiod.discoveryAddress}`, "GRPC_*": "--allow-env=GRPC_*" },
  );
});

Deno.test("join in a pod: files and variables", async () => {
  await using istiod = await FakeIstiod.start();
  await using files = await credentials(istiod, "both");
  const { discoveryAddress, token, rootCertificates } = files.options;
  const options = { ...NO_PORTS, discoveryAddress, token, rootCertificates };
  const set = rows("join, in any way", "in a pod").with({
    [ISTIOD]: discoveryAddress!,
    "/var/run/secrets": files.folder,
  });
  const program = { program: "joiner.ts", args: [JSON.stringify(options), "close"], env: WHO };
  await holds(program, set, /^joined$/m, {
    [files.folder]: `--allow-read=${files.folder}/istio-token`,
    POD_NAME: "--allow-env=POD_NAME,HOSTNAME",
    POD_NAMESPACE: "--allow-env=POD_NAMESPACE",
  });
  const where = await run({ program: "joiner.ts", args: ["{}", "close"] }, rows("join, in any way"));
  assert.match(where.all, new RegExp(`--allow-read=${POD_FILES.token}$`, "m"));
  assert.match(where.all, new RegExp(`--allow-read=${INSTALLED_VM_FILES.root},${POD_FILES.root}$`, "m"));
});

Deno.test("join on a virtual machine: Istio's files in a folder, and YAML", async () => {
  await using istiod = await FakeIstiod.start();
  await using files = await credentials(istiod, "both");
  await Deno.writeTextFile(`${files.folder}/cluster.env`, "POD_NAMESPACE='default'\nSERVICE_ACCOUNT='both'\n");
  await Deno.writeTextFile(
    `${files.folder}/mesh.yaml`,
    `defaultConfig:\n  discoveryAddress: ${istiod.discoveryAddress}\n`,
  );
  const program = {
    program: "joiner.ts",
    args: [JSON.stringify(NO_PORTS), "close"],
    env: { ENMESH_FILES: files.folder, HOSTNAME: "both-1" },
  };
  const set = rows("join, in any way", "with the machine's files in one folder")
    .with({ [ISTIOD]: istiod.discoveryAddress, FOLDER: files.folder });
  await holds(program, set, /^joined$/m, {
    [files.folder]: `--allow-read=${files.folder}`,
    "LOG_TOKENS,LOG_STREAM": "--allow-env=LOG_TOKENS,LOG_STREAM",
    HOSTNAME: "--allow-env=POD_NAME,HOSTNAME",
    // Nothing says then where the files are: the usual ones are asked for.
    ENMESH_FILES: `--allow-read=${INSTALLED_VM_FILES.token}`,
  });
});

Deno.test("the rows of pod and machine cover every file that is looked for there", () => {
  const covered = (feature: string, paths: readonly string[]) => {
    const [folders] = TABLE.get(feature)!.filter((flag) => flag.startsWith("--allow-read="));
    const granted = folders!.slice("--allow-read=".length).split(",");
    assert.deepEqual(paths.filter((path) => !granted.some((folder) => path.startsWith(`${folder}/`))), []);
  };
  const { token, root, labels, annotations, namespace } = POD_FILES;
  covered("in a pod", [token, root, labels, annotations, namespace]);
  covered("on a virtual machine", Object.values(INSTALLED_VM_FILES));
});

Deno.test("ports of metrics, probes and admin, and mesh.serve: the addresses listened on", async () => {
  await using istiod = await FakeIstiod.start();
  await using files = await credentials(istiod, "both");
  const ports = { admin: { port: 0 }, statusPort: 0, readinessPort: 0, prometheusPort: 0 };
  const options = { ...files.options, ...ports };
  const set = rows("join, in any way", "in a pod", "metrics, probes, admin", "`mesh.serve`").with({
    [ISTIOD]: istiod.discoveryAddress,
    "/var/run/secrets": files.folder,
    "127.0.0.1:15000": "127.0.0.1:0",
    "0.0.0.0:15020": "0.0.0.0:0",
    "0.0.0.0:8080": "127.0.0.1:0",
  });
  const serves = /^\{"port":\d+,"ports":\{.*"admin":\d+/m;
  await holds({ program: "server.ts", args: [JSON.stringify(options)] }, set, serves, {
    "127.0.0.1:0": "--allow-net=127.0.0.1:0",
    "0.0.0.0:0": "--allow-net=0.0.0.0:0",
  });
  await holds({ program: "server.ts", args: [JSON.stringify(files.options)] }, set, /^\{"port":\d+,"ports":\{\}\}/m, {
    "127.0.0.1:0": "--allow-net=127.0.0.1:0",
  });
});

Deno.test("mesh.fetch to a service: the network of its endpoints", async () => {
  await using istiod = await FakeIstiod.start();
  await using files = await credentials(istiod, "both");
  const echo = { ...istiod.workload({ name: "echo-1", serviceAccount: "echo" }), besideSidecar: true, logger: quiet };
  await using mesh = await Mesh.join(echo);
  await using server = await mesh.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => new Response("hello"),
  );
  istiod.apply(echoWorkload(server.addr.port));
  const set = rows("join, in any way", "in a pod", "`mesh.fetch` to services").with({
    [ISTIOD]: istiod.discoveryAddress,
    "/var/run/secrets": files.folder,
    "10.0.0.0/8": "127.0.0.0/8",
  });
  const program = { program: "client.ts", args: [JSON.stringify(files.options), "http://echo/"] };
  await holds(program, set, /"body":"hello"/, { "127.0.0.0/8": `--allow-net=127.0.0.1:${server.addr.port}` });
});

Deno.test("mesh.fetch to a name outside of the mesh: the name to resolve, then its address; https: host and port", async () => {
  await using istiod = await FakeIstiod.start();
  await using files = await credentials(istiod, "both");
  const options = JSON.stringify(files.options);
  const address = (await systemResolve("localhost", "auto")).addresses[0]!;
  const { chain, key } = await istiod.authority.issue({ dnsSans: ["localhost"] });
  const listen = { hostname: address, port: 0, onListen: () => {} };
  const answer = () => new Response("hello");
  await using plain = Deno.serve(listen, answer);
  await using secure = Deno.serve({ ...listen, cert: chain, key }, answer);
  const base = { [ISTIOD]: istiod.discoveryAddress, "/var/run/secrets": files.folder };

  const url = `http://localhost:${plain.addr.port}/`;
  const host = address.includes(":") ? `[${address}]` : address;
  await holds(
    { program: "client.ts", args: [options, url] },
    rows("join, in any way", "in a pod", "`mesh.fetch` to names outside of the mesh, `http:`")
      .with({ ...base, "example.com": "localhost", "192.0.2.0/24": host }),
    /"body":"hello"/,
    { localhost: "--allow-net=localhost", [host]: `--allow-net=${host}:${plain.addr.port}` },
  );

  const to = `localhost:${secure.addr.port}`;
  await holds(
    {
      program: "client.ts",
      args: [options, `https://${to}/`],
      env: { DENO_CERT: `${files.folder}/root-cert.pem` },
    },
    rows("join, in any way", "in a pod", "`mesh.fetch` to names outside of the mesh, `https:`")
      .with({ ...base, "example.com:443": to }),
    /"body":"hello"/,
    { [to]: `--allow-net=${to}` },
  );
});

Deno.test("enmesh doctor: under its own flags, under those of a program, under none", async () => {
  await using istiod = await FakeIstiod.start();
  await using files = await credentials(istiod, "both");
  const config = { discoveryAddress: istiod.discoveryAddress, proxyAdminPort: 0, statusPort: 0 };
  await Deno.writeTextFile(`${files.folder}/cluster.env`, "ENVOY_STATUS_PORT=0\nENVOY_PROMETHEUS_PORT=0\n");
  await Deno.writeTextFile(`${files.folder}/mesh.yaml`, JSON.stringify({ defaultConfig: config }));
  const env = { ...WHO, ENMESH_FILES: files.folder };
  const doctor = { program: "../../../lib/cli/main.ts", args: ["doctor"], env };

  const own = await run(doctor, rows("`enmesh doctor`"));
  assert.match(own.stdout, /^ok: permissions: Everything that joining reads is granted$/m);
  assert.match(own.stdout, /^ok: configuration: /m);

  const features = ["join, in any way", "with the machine's files in one folder", "in a pod", "metrics, probes, admin"];
  const program = rows(...features).with({
    [ISTIOD]: istiod.discoveryAddress,
    FOLDER: files.folder,
    "127.0.0.1:15000": "127.0.0.1:0",
    "0.0.0.0:15020": "0.0.0.0:0",
  });
  const narrow = await run(doctor, program.without("SERVICE_ACCOUNT"));
  assert.match(narrow.stdout, /^ok: permissions: .*not read .*'SERVICE_ACCOUNT'.*--allow-env=NAME/m);
  assert.match(narrow.stdout, /^failed: token: .*default:both.*SERVICE_ACCOUNT/m);
  assert.match(narrow.stdout, /^skipped: sidecar: .*--allow-net=127\.0\.0\.1:15001/m);
  const looking = PermissionSet.of([...program.flags, ...rows("refuse to start beside a sidecar").flags]);
  assert.match((await run(doctor, looking)).stdout, /^(?:ok|failed): sidecar: /m);

  const none = await run(doctor, PermissionSet.of([]));
  assert.equal(none.code, 1);
  const flags = [`--allow-read=${POD_FILES.token}`, `--allow-net=${ISTIOD},`, "--allow-env=GRPC_*"];
  for (const flag of flags) assert.ok(none.stdout.includes(flag), none.stdout);
  assert.match(
    none.stdout,
    /^skipped: permissions: Not read for want of permission: .*'ENMESH_FILES'.*'ISTIO_META_\*'/m,
  );
});

Deno.test("./testing: the demo, to its end", async () => {
  const set = rows("`./testing`");
  await holds({ program: "../../../examples/http/demo.ts", args: ["--json"] }, set, /istio_requests_total/, {
    "LOG_TOKENS,LOG_STREAM": "--allow-env=LOG_TOKENS,LOG_STREAM",
    "GRPC_*": "--allow-env=GRPC_*",
  });
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  assert.equal(tasks.demo, `deno run ${set.flags.join(" ")} examples/http/demo.ts`);
  assert.equal(tasks.enmesh, `deno run ${rows("`enmesh doctor`").flags.join(" ")} lib/cli/main.ts`);
});

Deno.test("`componentFilter`: the demo, to its end", async () => {
  const demo = { program: "../../../examples/component/demo.ts", args: ["--json"] };
  const network = "--allow-net=127.0.0.1,localhost";
  const set = PermissionSet.of([network, ...rows("`componentFilter`").flags]);
  assert.match((await run(demo, set)).all, /Both taken out again[^]*is loaded again/);
  const without = PermissionSet.of([...rows("`./testing`").flags, "--allow-read"]);
  const { code, all } = await run(demo, without);
  assert.equal(code, 1);
  assert.match(
    all,
    /Cannot use the component filter 'mask': .*; grant '--allow-env' and '--allow-read', or keep it in/,
  );
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  assert.equal(tasks["example:component"], `deno run ${set.flags.join(" ")} examples/component/demo.ts`);
});

Deno.test("the Kubernetes example has the flags of its rows, and sets the variables that it may read", async () => {
  const text = await Deno.readTextFile(new URL("../../examples/kubernetes/workload.yaml", import.meta.url));
  const deployment = parseAllDocuments(text).map((document) => document.toJS()).find(({ kind }) =>
    kind === "Deployment"
  );
  const [container] = deployment.spec.template.spec.containers;
  const features = ["join, in any way", "in a pod", "metrics, probes, admin", "refuse to start beside a sidecar"];
  const set = rows(...features, "`mesh.serve`");
  assert.deepEqual(container.args, ["run", ...set.flags, "/app/main.ts"]);
  const named = set.flags.find((flag) => flag.startsWith("--allow-env="))!.slice("--allow-env=".length).split(",");
  const may = (name: string) =>
    named.some((one) => one === name || one.endsWith("*") && name.startsWith(one.slice(0, -1)));
  const names: string[] = container.env.map(({ name }: { name: string }) => name);
  assert.deepEqual(names.filter((name) => !may(name)), []);
  assert.deepEqual(named.filter((name) => !name.endsWith("*") && !names.includes(name)), []);
});

Deno.test("nothing in the table is more than net, env and read, but for the cache of modules", () => {
  for (const [feature, flags] of TABLE) {
    const may = feature.includes("`wasmCache`") ? /^--allow-(?:read|write)=/ : /^--allow-(?:net|env|read)(?:=|$)/;
    for (const flag of flags) assert.match(flag, may, feature);
  }
});
