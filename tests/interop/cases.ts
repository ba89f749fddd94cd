/** What a case may take: a peer that hangs fails its case, and the rest of the suite goes on. */
const CAP_MS = 30_000;

/** The cases of a suite: each is a step with a cap, and all of them are counted in one line at the end. */
export class Cases {
  readonly #suite: string;
  #total = 0;
  #passed = 0;

  /** @param suite Name of the suite, for the line that counts. */
  constructor(suite: string) {
    this.#suite = suite;
  }

  /** Runs one case as a step of `t`. */
  async run(t: Deno.TestContext, name: string, act: () => Promise<void>, capMs = CAP_MS): Promise<void> {
    this.#total++;
    if (await t.step(name, () => within(capMs, act()))) this.#passed++;
  }

  /** Prints the count when every test of the file has run. */
  reportAtEnd(): void {
    Deno.test.afterAll(() => console.log(`${this.#suite}: ${this.#total} cases, ${this.#passed} passed`));
  }
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`The case did not end within ${ms / 1000} s`)), ms);
  try {
    await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
