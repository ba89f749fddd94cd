import { ensurePeer, type PeerName } from "./peers.ts";

/** What a program that ran to its end left behind. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Settings of {@linkcode runPeer} and {@linkcode startPeer}. */
export interface PeerOptions {
  readonly args: readonly string[];
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

/** Runs a peer to its end; it is killed after `capMs`, below the cap of a case, so that its output can be shown. */
export async function runPeer(name: PeerName, options: PeerOptions, capMs = 25_000): Promise<Ended> {
  return await runProgram(await ensurePeer(name), options, capMs);
}

/** Runs any program to its end, see {@linkcode runPeer}. */
export async function runProgram(program: string, options: PeerOptions, capMs = 25_000): Promise<Ended> {
  const child = new Deno.Command(program, {
    ...commandOptions(options),
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), capMs);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** A peer that serves until it is disposed of. */
export interface RunningPeer extends AsyncDisposable {
  /** What it wrote so far, both outputs. */
  log(): string;
  /** The first match of a pattern in what it writes; fails when it ends before. */
  written(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Starts a peer that serves. */
export async function startPeer(name: PeerName, options: PeerOptions): Promise<RunningPeer> {
  return startServing(await ensurePeer(name), options);
}

/** Starts any program that serves, see {@linkcode startPeer}. */
export function startServing(program: string, options: PeerOptions): RunningPeer {
  const child = new Deno.Command(program, {
    ...commandOptions(options),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let text = "";
  let ended = false;
  let told = Promise.withResolvers<void>();
  const tell = () => {
    told.resolve();
    told = Promise.withResolvers<void>();
  };
  const follow = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      tell();
    }
  };
  const reading = Promise.all([follow(child.stdout), follow(child.stderr)]).then(() => {
    ended = true;
    tell();
  });
  return {
    log: () => text,
    async written(pattern) {
      for (;;) {
        const match = pattern.exec(text);
        if (match !== null) return match;
        if (ended) throw new Error(`'${program}' ended before it wrote ${pattern}:\n${text}`);
        await told.promise;
      }
    },
    async [Symbol.asyncDispose]() {
      if (!ended) child.kill("SIGKILL");
      await child.status;
      await reading;
    },
  };
}

function commandOptions({ args, env, cwd }: PeerOptions): Deno.CommandOptions {
  return { args: [...args], ...(env === undefined ? {} : { env }), ...(cwd === undefined ? {} : { cwd }) };
}
