// Where the things of the picture stand: linked proxies above, this proxy in the middle, its channels below. Pure
// arithmetic in pixels; it knows no document.

/** Most linked proxies and channels that are drawn; the table has all links. */
export const DRAWN_LINKS = 8;
export const DRAWN_CHANNELS = 8;

const LINK_WIDTH = 84;
const LINKS_TOP = 44;
const LINKS_ROW = 92;
const TO_PROXY = 104;
const TO_CHANNELS = 62;
const CHANNEL_ROW = 28;
const MARGIN = 16;
const DOT = 9;

/**
 * @param {number} width
 * @param {number} links How many there are.
 * @param {number} channels
 */
export function layout(width, links, channels) {
  const drawn = Math.min(links, DRAWN_LINKS);
  const perRow = Math.max(2, Math.floor((width - MARGIN) / LINK_WIDTH));
  const rows = drawn > perRow ? 2 : 1;
  const upper = Math.ceil(drawn / rows);
  const places = [];
  for (let at = 0; at < drawn; at += 1) {
    const row = at < upper ? 0 : 1;
    const inRow = row === 0 ? upper : drawn - upper;
    const place = row === 0 ? at : at - upper;
    places.push({ x: (width * (place + 0.5)) / inRow, y: LINKS_TOP + row * LINKS_ROW });
  }
  const proxy = { x: width / 2, y: LINKS_TOP + (rows - 1) * LINKS_ROW + TO_PROXY };
  const first = proxy.y + TO_CHANNELS;
  const shownChannels = Math.min(channels, DRAWN_CHANNELS);
  const rowsBelow = Array.from({ length: shownChannels }, (_, at) => ({ x: MARGIN + 4, y: first + at * CHANNEL_ROW }));
  const dotsFrom = Math.round(width * 0.5);
  return {
    links: places,
    proxy,
    channels: rowsBelow,
    dots: { from: dotsFrom, step: DOT, most: Math.max(1, Math.floor((width - MARGIN - 34 - dotsFrom) / DOT)) },
    moreLinks: links - drawn,
    moreChannels: channels - shownChannels,
    height: shownChannels ? first + shownChannels * CHANNEL_ROW + 22 : proxy.y + 44,
  };
}
