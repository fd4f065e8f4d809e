/** `on`, `once` and `off`, as users of simple-peer know them. An `error` that nobody listens for is not thrown. */
export declare class Emitter<Events extends {
    [Name in keyof Events]: unknown[];
}> {
    #private;
    on<Name extends keyof Events>(event: Name, listener: (...details: Events[Name]) => void): this;
    once<Name extends keyof Events>(event: Name, listener: (...details: Events[Name]) => void): this;
    off<Name extends keyof Events>(event: Name, listener: (...details: Events[Name]) => void): this;
}
