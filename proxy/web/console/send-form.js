// The form that sends: to all of the selected channel, or to one of its peers. What is typed goes as JSON if it is JSON,
// and as text if not; the form says which. Raw relays get it as it is.

import { KINDS } from "./channel-kinds.js";

const element = (id) => /** @type {any} */ (document.getElementById(id));

export class SendForm {
  /** @type {import("./channel-set.js").Channel | undefined} */
  #channel;
  /** @type {string | undefined} */
  #to;

  /**
   * @param {{
   *   sent: (channel: import("./channel-set.js").Channel, to: string | undefined, what: { data?: unknown, raw?: string }) => void,
   *   toAll: () => void,
   * }} actions
   */
  constructor(actions) {
    this.actions = actions;
    const text = element("send-text");
    element("send").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
    text.addEventListener("input", () => this.draw());
    element("send-all").addEventListener("click", () => {
      actions.toAll();
      text.focus();
    });
    this.draw();
  }

  /** @param {import("./channel-set.js").Channel | undefined} channel @param {string} [to] */
  address(channel, to) {
    this.#channel = channel;
    this.#to = to;
    this.draw();
  }

  draw() {
    const channel = this.#channel;
    const joined = channel?.state === "joined";
    element("send-button").disabled = !joined;
    element("send-all").hidden = this.#to === undefined;
    element("send-to").textContent = !channel
      ? "no channel is selected"
      : this.#to
        ? `to ${this.#to} only, in ${channel.name}`
        : `to everyone in ${KINDS[channel.kind].path}${channel.name}`;
    element("send-fault").textContent = "";
    element("send-hint").textContent = this.#hint();
  }

  #hint() {
    const text = element("send-text").value;
    if (!text) return "Enter sends, Shift and Enter begin a new line.";
    if (this.#channel && this.#channel.kind !== "network") return "It goes as it is.";
    const { data, json, fault } = read(text);
    if (!json) return /^\s*[[{]/.test(text) ? `It goes as text, for it is not JSON: ${fault}.` : "It goes as text.";
    const kind = data === null ? "null" : Array.isArray(data) ? "array" : typeof data;
    return `It goes as JSON: ${kind}.`;
  }

  #send() {
    const channel = this.#channel;
    const text = element("send-text").value;
    if (!channel || channel.state !== "joined" || !text) return;
    try {
      if (channel.kind === "network") {
        const { data } = read(text);
        channel.send(data, this.#to);
        this.actions.sent(channel, this.#to, { data });
      } else {
        channel.send(text);
        this.actions.sent(channel, undefined, { raw: text });
      }
      element("send-text").value = "";
      this.draw();
    } catch (error) {
      element("send-fault").textContent = error.message;
    }
  }
}

function read(text) {
  try {
    return { data: JSON.parse(text), json: true, fault: "" };
  } catch (error) {
    return { data: text, json: false, fault: error.message };
  }
}
