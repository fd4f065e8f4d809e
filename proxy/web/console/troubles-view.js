// Shows what is wrong. Notices stay the same elements as long as they say the same, so that a reader is not disturbed.

const MARKS = { error: "!", warning: "!", note: "i" };
const SPOKEN = { error: "Error: ", warning: "Warning: ", note: "Note: " };

export class TroublesView {
  #shown = "";

  /** @param {HTMLElement} place @param {(sentence: string) => void} say */
  constructor(place, say) {
    this.place = place;
    this.say = say;
  }

  /** @param {readonly import("./troubles.js").Trouble[]} troubles */
  show(troubles) {
    const now = JSON.stringify(troubles);
    if (now === this.#shown) return;
    this.#shown = now;
    this.place.replaceChildren(...troubles.map(notice));
    for (const { level, what, remedy } of troubles) if (level !== "note") this.say(`${SPOKEN[level]}${what} ${remedy}`);
  }
}

function notice({ level, what, remedy }) {
  const box = document.createElement("div");
  box.className = "notice";
  box.dataset.level = level;
  const mark = Object.assign(document.createElement("span"), { className: "mark", textContent: MARKS[level] });
  mark.setAttribute("aria-hidden", "true");
  const spoken = Object.assign(document.createElement("span"), { className: "visually-hidden", textContent: SPOKEN[level] });
  const head = Object.assign(document.createElement("strong"), { textContent: what });
  head.prepend(spoken);
  box.append(mark, head, Object.assign(document.createElement("span"), { className: "what-to-do small", textContent: remedy }));
  return box;
}
