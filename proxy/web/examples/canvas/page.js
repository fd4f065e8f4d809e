// The canvas's page: mouse, fingers, pen and keys, and how much goes on.

import { roomControls, roomName, showState, tell } from "../shared/room.js";
import { Board } from "./board.js";
import { Easel, HEIGHT, WIDTH } from "./easel.js";
import { MOST_ROBOTS, Robots } from "./robots.js";

const element = (id) => /** @type {any} */ (document.getElementById(id));
const KEY_STEP = 20;

const room = roomName("example-canvas");
roomControls(room);

let board;
try {
  board = new Board(room);
} catch (error) {
  tell(error.message);
  throw error;
}
showState(board.channel);
const glass = element("glass");
const easel = new Easel(element("paper"), glass, board);
const robots = new Robots(room);

const colour = Math.floor(Math.random() * 360);
element("own").style.setProperty("--hue", String(colour));

/** Where the pointer is, and the points drawn since the last frame. */
let at = [WIDTH / 2, HEIGHT / 2];
let drawn = [];
let penDown = false;
let moved = false;

function go(to) {
  if (penDown) {
    if (drawn.length === 0) drawn.push(...at);
    drawn.push(...to);
  }
  at = to;
  moved = true;
}

glass.addEventListener("pointerdown", (event) => {
  glass.setPointerCapture(event.pointerId);
  at = easel.place(event);
  penDown = true;
  go(at);
});
glass.addEventListener("pointermove", (event) => {
  // A fast pointer has more places than frames.
  for (const each of event.getCoalescedEvents?.() ?? [event]) go(easel.place(each));
  if (event.getCoalescedEvents?.().length === 0) go(easel.place(event));
});
for (const type of ["pointerup", "pointercancel"]) glass.addEventListener(type, () => (penDown = false));

glass.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (event.key === " ") {
    penDown = !penDown;
    element("pen").textContent = penDown ? "The pen is down." : "The pen is up.";
  } else if (!step) return;
  else go([Math.min(WIDTH, Math.max(0, at[0] + step[0] * KEY_STEP)), Math.min(HEIGHT, Math.max(0, at[1] + step[1] * KEY_STEP))]);
  event.preventDefault();
});

const frame = () => {
  if (moved) board.move(at, colour, drawn.length ? drawn : undefined);
  drawn = [];
  moved = false;
  requestAnimationFrame(frame);
};
requestAnimationFrame(frame);

let messages = 0;
board.channel.addEventListener("message", () => (messages += 1));
setInterval(() => {
  element("rate").textContent = `${board.pointers.size} pointers · ${messages} messages a second · ${board.lines.size} lines`;
  messages = 0;
}, 1000);

element("clear").addEventListener("click", () => board.clear());
element("robots").addEventListener("click", () => {
  robots.add(10);
  showRobots();
});
element("dismiss").addEventListener("click", () => {
  robots.dismiss();
  showRobots();
});

function showRobots() {
  element("robots").disabled = robots.count >= MOST_ROBOTS;
  element("dismiss").hidden = robots.count === 0;
}
showRobots();
