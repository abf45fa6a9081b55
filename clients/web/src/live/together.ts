/** One rendering for all that comes at about the same time: it costs the same for one number as for a hundred. */

export class Together {
  private waiting: (() => void)[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `mostMs`: how long anything waits. `around` is given all that is done together. */
  constructor(
    private readonly mostMs: number,
    private readonly around: (work: () => void) => void,
  ) {}

  /** Done with the next thing that cannot wait, or after a while; resolves when it is done. */
  later(work: () => void): Promise<void> {
    this.timer ??= setTimeout(() => this.now(), this.mostMs);
    return new Promise((resolve, reject) => {
      this.waiting.push(() => {
        try {
          work();
          resolve();
        } catch (error) {
          reject(error as Error); // one that fails does not take the others with it
        }
      });
    });
  }

  /** Done at once, and with it all that waits. */
  now(work: () => void = () => {}): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const waiting = this.waiting;
    this.waiting = [];
    this.around(() => {
      for (const each of waiting) each();
      work();
    });
  }
}
