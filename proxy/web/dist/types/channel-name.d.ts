/**
 * Which names a channel may have. Checked here because the proxy could only refuse the connection, and a page can't
 * see why. Names are secrets: no message repeats one.
 */
/**
 * @returns `name` as a string.
 * @throws {DOMException} `SyntaxError` if it is not a name.
 */
export declare function channelName(name: unknown): string;
