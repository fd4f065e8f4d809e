/** A queue, as a linked list: taking from the front of a long array is slow. */

interface Entry<Item> {
  readonly item: Item;
  next?: Entry<Item>;
}

export class Fifo<Item> {
  #first: Entry<Item> | undefined;
  #last: Entry<Item> | undefined;

  get first(): Item | undefined {
    return this.#first?.item;
  }

  push(item: Item): void {
    const entry: Entry<Item> = { item };
    if (this.#first && this.#last) this.#last.next = entry;
    else this.#first = entry;
    this.#last = entry;
  }

  shift(): Item | undefined {
    const entry = this.#first;
    this.#first = entry?.next;
    return entry?.item;
  }

  clear(): void {
    this.#first = undefined;
  }

  *[Symbol.iterator](): IterableIterator<Item> {
    for (let entry = this.#first; entry; entry = entry.next) yield entry.item;
  }
}
