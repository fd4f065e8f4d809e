// The form that joins a channel. Names are checked by the library; its words are shown.

import { KINDS } from "./channel-kinds.js";

const element = (id) => /** @type {any} */ (document.getElementById(id));

export class JoinForm {
  /** @param {(kind: import("./channel-kinds.js").Kind, name: string) => void} join Throws if the name is not allowed. */
  constructor(join) {
    const form = element("join");
    const name = element("join-name");
    const kind = () => new FormData(form).get("kind");
    const explain = () => (element("join-reach").textContent = KINDS[kind()].reach);
    const fault = (words) => {
      element("join-fault").textContent = words;
      name.setAttribute("aria-invalid", String(words !== ""));
    };
    form.addEventListener("change", explain);
    name.addEventListener("input", () => fault(""));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      name.focus();
      try {
        join(kind(), name.value.trim());
        name.value = "";
        fault("");
      } catch (error) {
        fault(`${error.message.replace(/\.?$/, ".")}`);
      }
    });
    explain();
  }
}
