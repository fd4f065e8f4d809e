// How ids look: short, and each with a colour of its own.

/** @param {string} id */
export function shortId(id) {
  return id.length > 8 ? `${id.slice(0, 6)}…` : id;
}

/** The same hue, in degrees, for the same id everywhere. @param {string} id */
export function hueOf(id) {
  let hash = 0;
  for (let at = 0; at < id.length; at += 1) hash = (Math.imul(hash, 31) + id.charCodeAt(at)) | 0;
  // Steps of the golden angle keep neighbours apart.
  return Math.round(((hash >>> 0) % 1024) * 137.508) % 360;
}

/** A dot in the colour of `id`. @param {string} id */
export function dotOf(id) {
  const dot = document.createElement("span");
  dot.className = "dot";
  dot.style.setProperty("--hue", String(hueOf(id)));
  return dot;
}
