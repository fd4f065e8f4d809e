// Waiting for something to change: whoever waits looks again when it rings.

export class Bell {
  #waiting = new Set();

  /** Does anybody wait for it? */
  get isAwaited() {
    return this.#waiting.size > 0;
  }

  ring() {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Resolves at the next ring, or after `ms` milliseconds. */
  rung(ms = Infinity) {
    return new Promise((resolve) => {
      let timer;
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
      if (ms !== Infinity) timer = setTimeout(wake, ms);
    });
  }
}
