/** A queue, as a linked list: taking from the front of a long array is slow. */
export declare class Fifo<Item> {
    #private;
    get first(): Item | undefined;
    push(item: Item): void;
    shift(): Item | undefined;
    clear(): void;
    [Symbol.iterator](): IterableIterator<Item>;
}
