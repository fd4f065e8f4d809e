// What the pages of all examples do around their channel: which one it is, how it is doing, and the code that is shown.

/**
 * The channel's name: what stands behind `#` in the address, so that a link can lead others into the same room.
 *
 * @param {string} usual
 */
export function roomName(usual) {
  const written = location.hash.slice(1);
  try {
    return decodeURIComponent(written) || usual;
  } catch {
    // Not an escape: the name is refused as any other that is not allowed.
    return written;
  }
}

/**
 * Wires the form that goes to another room, and the button that opens one more window.
 *
 * @param {string} room
 */
export function roomControls(room) {
  const field = /** @type {HTMLInputElement} */ (document.getElementById("room"));
  field.value = room;
  field.form?.addEventListener("submit", (event) => {
    event.preventDefault();
    location.hash = encodeURIComponent(field.value.trim());
  });
  addEventListener("hashchange", () => location.reload());
  document.getElementById("another")?.addEventListener("click", () => open(location.href, "_blank", "popup,width=760,height=820"));
}

/**
 * Shows in the page's pill and notice how a channel is doing.
 *
 * @param {import("/network-web-sockets.mjs").NetworkWebSocket} channel
 */
export function showState(channel) {
  const pill = /** @type {HTMLElement} */ (document.getElementById("state"));
  const problem = /** @type {HTMLElement} */ (document.getElementById("problem"));
  const show = () => {
    const open = channel.readyState === 1;
    const left = channel.readyState === 3;
    const others = channel.peers.length;
    pill.dataset.state = open ? "good" : left ? "" : "bad";
    pill.textContent = open ? (others === 0 ? "alone here" : `${others} ${others === 1 ? "other" : "others"} here`) : left ? "left" : "connecting";
    if (open) problem.replaceChildren();
  };
  for (const type of ["open", "close", "connect", "disconnect", "reconnecting"]) channel.addEventListener(type, show);
  channel.addEventListener("error", ({ message }) => tell(message));
  show();
}

/** Tells of a problem, in the page's notice. @param {string} message */
export function tell(message) {
  const box = document.createElement("p");
  box.className = "notice";
  box.dataset.level = "error";
  const mark = Object.assign(document.createElement("span"), { className: "mark", textContent: "!" });
  box.append(mark, Object.assign(document.createElement("span"), { textContent: message }));
  document.getElementById("problem")?.replaceChildren(box);
}
