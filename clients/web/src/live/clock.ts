/** The service's clock as seen from here. */

/** This browser's clock in ms, which unlike Date.now() never jumps. */
export function localNow(): number {
  return performance.timeOrigin + performance.now();
}

/** How fast an old estimate fades, so that clocks may drift apart: 100 ppm. */
const LEAK = 1e-4;

/** Every message says when it was sent; the one that travelled fastest tells the offset best. */
export class ServiceClock {
  private offset: number | null = null;
  private at = 0;

  /** Service time minus local time in ms, after a message sent at `nowNs` arrived at `localMs`. */
  hear(nowNs: number, localMs: number): number {
    const sample = nowNs / 1e6 - localMs;
    const faded = this.offset === null ? sample : this.offset - LEAK * (localMs - this.at);
    this.offset = Math.max(sample, faded);
    this.at = localMs;
    return this.offset;
  }

  get offsetMs(): number | null {
    return this.offset;
  }

  /** A restarted service may run elsewhere, with another clock. */
  forget(): void {
    this.offset = null;
  }
}
