// How many guesses are allowed (03 section 10): token buckets of the link, of the address, and of the proxy.

export class Bucket {
  #level; // in thousandths of a guess, so that milliseconds add up
  #since;

  /** `capacity` guesses at once, and `perSecond` more. `now()` is in milliseconds. */
  constructor(capacity, perSecond, now) {
    this.capacity = capacity;
    this.perSecond = perSecond;
    this.now = now;
    this.#level = capacity * 1000;
    this.#since = now();
  }

  /** Milliseconds until `count` would be granted; 0 for now. More than it holds is granted when it is full. */
  wait(count) {
    this.#refill();
    const missing = Math.min(count, this.capacity) * 1000 - this.#level;
    return missing <= 0 ? 0 : Math.ceil(missing / this.perSecond);
  }

  take(count) {
    this.#level -= count * 1000; // may go below zero, and then takes the longer to refill
  }

  get isFull() {
    return this.wait(this.capacity) === 0;
  }

  #refill() {
    const now = this.now();
    this.#level = Math.min(this.capacity * 1000, this.#level + (now - this.#since) * this.perSecond);
    this.#since = now;
  }
}

/** The budgets of a proxy: one for all, one for each address, and a new one for each link. */
export class Budgets {
  #addresses = new Map();

  constructor(now = () => performance.now()) {
    this.now = now;
    this.proxy = new Bucket(8192, 4, now);
  }

  /** `{ charge(count) }` for a link: 0 when all three were charged, else the milliseconds to wait, and none was. */
  ofLink(address) {
    const buckets = [new Bucket(1024, 0.5, this.now), this.#ofAddress(address), this.proxy];
    return {
      charge(count) {
        const wait = Math.max(...buckets.map((bucket) => bucket.wait(count)));
        if (wait === 0) for (const bucket of buckets) bucket.take(count);
        return wait;
      },
    };
  }

  #ofAddress(address) {
    const key = address.replace(/^::ffff:(?=\d+\.)/, ''); // IPv4 within IPv6 is the IPv4 address
    for (const [other, bucket] of this.#addresses) if (bucket.isFull) this.#addresses.delete(other); // as good as new
    if (!this.#addresses.has(key)) this.#addresses.set(key, new Bucket(4096, 1, this.now));
    return this.#addresses.get(key);
  }
}
