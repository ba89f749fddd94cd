/** Why something could not be fetched. The message holds no credentials. */
export class FetchFailure extends Error {
  /** Whether another try may succeed. */
  readonly retryable: boolean;
  /** Whether there was an answer, if not a good one. */
  readonly answered: boolean;

  /**
   * @param message A reason, as part of a sentence.
   * @param retryable Whether another try may succeed.
   * @param answered Whether there was an answer.
   */
  constructor(message: string, retryable: boolean, answered = false) {
    super(message);
    this.name = "FetchFailure";
    this.retryable = retryable;
    this.answered = answered;
  }
}
