// JSON as people read it: indented, each kind of value in its colour.

/** Characters that are shown of one message; more would hold up the page. */
const MOST_CHARACTERS = 200_000;

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\b(?:true|false|null)\b/g;

/**
 * @param {string} text
 * @param {boolean} json Whether it is JSON; other text is shown as it is.
 * @returns {DocumentFragment}
 */
export function pretty(text, json) {
  const whole = json ? JSON.stringify(JSON.parse(text), null, 2) : text;
  const shown = whole.slice(0, MOST_CHARACTERS);
  const fragment = document.createDocumentFragment();
  let at = 0;
  if (json) {
    for (const match of shown.matchAll(TOKEN)) {
      const [token, string, colon] = match;
      fragment.append(shown.slice(at, match.index));
      const span = document.createElement("span");
      span.className = colon ? "key" : string ? "string" : /^[tfn]/.test(token) ? "word" : "number";
      span.textContent = string ?? token;
      fragment.append(span, colon ?? "");
      at = match.index + token.length;
    }
  }
  fragment.append(shown.slice(at));
  if (whole.length > shown.length) {
    const note = document.createElement("em");
    note.textContent = `\n… ${(whole.length - shown.length).toLocaleString("en")} more characters. Copy has all.`;
    fragment.append(note);
  }
  return fragment;
}
