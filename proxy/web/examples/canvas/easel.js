// Paints a board: the lines once each, the pointers anew in every frame. Points have the canvas's own coordinates, the
// same in every window whatever its size.

export const WIDTH = 1600;
export const HEIGHT = 1000;

export class Easel {
  /** @param {HTMLCanvasElement} paper @param {HTMLCanvasElement} glass @param {import("./board.js").Board} board */
  constructor(paper, glass, board) {
    this.paper = paper;
    this.glass = glass;
    this.board = board;
    this.scale = 1;
    this.dark = isDark();
    board.addEventListener("line", ({ detail }) => this.#line(detail));
    board.addEventListener("clear", () => this.#repaint());
    new ResizeObserver(() => this.#fit()).observe(glass);
    document.addEventListener("themechange", () => this.#repaint());
    this.#fit();
    const frame = () => {
      this.#pointers();
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  /** Where an event of the mouse, a finger or a pen is on the canvas. */
  place({ clientX, clientY }) {
    const box = this.glass.getBoundingClientRect();
    const within = (value, most) => Math.round(Math.min(most, Math.max(0, value)));
    return [within(((clientX - box.left) / box.width) * WIDTH, WIDTH), within(((clientY - box.top) / box.height) * HEIGHT, HEIGHT)];
  }

  #fit() {
    const width = Math.max(1, Math.round(this.glass.clientWidth * devicePixelRatio));
    this.scale = width / WIDTH;
    for (const canvas of [this.paper, this.glass]) {
      canvas.width = width;
      canvas.height = Math.round(HEIGHT * this.scale);
      const context = canvas.getContext("2d");
      context.scale(this.scale, this.scale);
      context.lineCap = context.lineJoin = "round";
    }
    this.#repaint();
  }

  #repaint() {
    this.dark = isDark();
    this.paper.getContext("2d").clearRect(0, 0, WIDTH, HEIGHT);
    for (const line of this.board.lines.values()) this.#line(line);
  }

  /** A colour is a hue, so that each theme can have its own lightness. */
  #colour(hue) {
    return `hsl(${Number(hue) || 0} 70% ${this.dark ? 64 : 45}%)`;
  }

  #line({ colour, points }) {
    const context = this.paper.getContext("2d");
    context.strokeStyle = this.#colour(colour);
    context.lineWidth = 6;
    context.beginPath();
    context.moveTo(points[0], points[1]);
    for (let at = 2; at + 1 < points.length; at += 2) context.lineTo(points[at], points[at + 1]);
    context.stroke();
  }

  #pointers() {
    const context = this.glass.getContext("2d");
    context.clearRect(0, 0, WIDTH, HEIGHT);
    // Arrows of the same size on every screen.
    const size = devicePixelRatio / this.scale;
    for (const { at, colour } of this.board.pointers.values()) {
      const [x, y] = at;
      context.fillStyle = this.#colour(colour);
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x + 5 * size, y + 15 * size);
      context.lineTo(x + 8.5 * size, y + 9 * size);
      context.lineTo(x + 15 * size, y + 6.5 * size);
      context.closePath();
      context.fill();
    }
  }
}

/** Whether the page is dark now. */
function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
}
