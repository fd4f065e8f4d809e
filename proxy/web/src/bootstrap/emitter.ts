/** `on`, `once` and `off`, as users of simple-peer know them. An `error` that nobody listens for is not thrown. */

export class Emitter<Events extends { [Name in keyof Events]: unknown[] }> {
  readonly #listeners = new Map<keyof Events, { listener: Function; once: boolean }[]>();

  on<Name extends keyof Events>(event: Name, listener: (...details: Events[Name]) => void): this {
    return this.#add(event, listener, false);
  }

  once<Name extends keyof Events>(event: Name, listener: (...details: Events[Name]) => void): this {
    return this.#add(event, listener, true);
  }

  off<Name extends keyof Events>(event: Name, listener: (...details: Events[Name]) => void): this {
    const listeners = this.#listeners.get(event) ?? [];
    const at = listeners.findIndex((each) => each.listener === listener);
    this.#listeners.set(
      event,
      listeners.filter((_, index) => index !== at),
    );
    return this;
  }

  /** @internal */
  protected emit<Name extends keyof Events>(event: Name, ...details: Events[Name]): void {
    for (const { listener, once } of this.#listeners.get(event) ?? []) {
      if (once) this.off(event, listener as (...details: Events[Name]) => void);
      listener.apply(this, details);
    }
  }

  #add(event: keyof Events, listener: Function, once: boolean): this {
    // A new list each time, so that one that is being told is not changed.
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), { listener, once }]);
    return this;
  }
}
