// Channel names, and which path of the client interface names which channel (00 section 5, 05 section 2).

const NAME = /^[A-Za-z0-9+=*._-]{1,255}$/;

export const isChannelName = (name) => NAME.test(name);

/** How a channel is called within this program: no name has a slash. */
export const channelKey = (kind, name) => `${kind}/${name}`;

/** `{ kind, name, key }` of a request's path, or null when it is no channel. */
export function channelOfPath(path) {
  const segments = path.split('?')[0].split('/').slice(1).map(decodeSegment);
  if (!segments.every((segment) => segment !== null && isChannelName(segment))) return null;
  const relay = segments[0] === 'broadcast' || segments[0] === 'local';
  if (segments.length === 1) return channel('network', segments[0]);
  if (relay && segments.length <= 3) return channel(segments[0], segments[1]);
  return null;
}

const channel = (kind, name) => ({ kind, name, key: channelKey(kind, name) });

function decodeSegment(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}
