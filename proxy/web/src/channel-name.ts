/**
 * Which names a channel may have. Checked here because the proxy could only refuse the connection, and a page can't
 * see why. Names are secrets: no message repeats one.
 */

const ALLOWED = /^[A-Za-z0-9+=*._-]{1,255}$/;

/**
 * @returns `name` as a string.
 * @throws {DOMException} `SyntaxError` if it is not a name.
 */
export function channelName(name: unknown): string {
  const text = String(name);
  if (!ALLOWED.test(text)) {
    throw new DOMException("A channel's name has 1 to 255 of the characters A-Z a-z 0-9 + = * . _ -", "SyntaxError");
  }
  // Every URL parser resolves these two as "this folder" and "the folder above", escaped or not.
  if (text === "." || text === "..") {
    throw new DOMException('"." and ".." can\'t be channel names: no URL can hold them', "SyntaxError");
  }
  return text;
}
