// The small site that is served: what is at which path. It knows nothing of connections.

/** Entries of the guestbook that are kept, and characters of each part of one. */
const MOST_ENTRIES = 50;
const MOST_CHARACTERS = 200;

const STYLE = `
body { margin: 0; padding: 1.2rem 1.4rem; font: 16px/1.55 Georgia, serif; color: #2b2620; background: #fdf8ee; }
nav { display: flex; gap: 1.2rem; padding-bottom: 0.6rem; border-bottom: 2px solid #c9793b; font-family: sans-serif; }
a { color: #a04c12; }
h1 { margin: 1rem 0 0.4rem; font-size: 1.6rem; }
img { box-sizing: border-box; max-width: 100%; height: auto; border: 6px solid #fff; box-shadow: 0 2px 10px #0003; }
form { display: grid; gap: 0.6rem; max-width: 26rem; }
input, textarea, button { font: inherit; padding: 0.4rem 0.6rem; border: 1px solid #8a7a63; border-radius: 4px; }
input, textarea { background: #fff; color: #2b2620; width: 100%; box-sizing: border-box; }
button { justify-self: start; background: #a04c12; color: #fff; cursor: pointer; }
blockquote { margin: 0.8rem 0; padding: 0.3rem 0.9rem; border-left: 4px solid #c9793b; background: #fff8; }
footer { color: #766a58; font-size: 0.85rem; overflow-wrap: anywhere; }
`;

export class Site {
  #entries = [];
  #picture;

  constructor() {
    this.#picture = painted();
  }

  /** Shows another picture. @param {File} file */
  async hang(file) {
    const picture = await createImageBitmap(file);
    // Small enough for one message.
    const scale = Math.min(1, 900 / picture.width, 700 / picture.height);
    const canvas = new OffscreenCanvas(Math.ceil(picture.width * scale), Math.ceil(picture.height * scale));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    this.#picture = canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 });
  }

  /** What is at a path. */
  async at(method, path, form) {
    if (method === "POST" && path === "/guestbook") this.#sign(form);
    switch (path) {
      case "/":
        return page("Good day", `<p>This site is in a browser’s window. It has no other server than that, and is gone when
          the window is closed.</p><p>There is <a href="/picture">a picture</a>, and <a href="/guestbook">a guestbook</a>
          with ${this.#entries.length} ${this.#entries.length === 1 ? "entry" : "entries"}.</p>`);
      case "/picture":
        return page("A picture", `<p><img src="/picture.img" alt="The picture that the server shows"></p>`);
      case "/picture.img": {
        const picture = await this.#picture;
        return { status: 200, type: picture.type, body: picture };
      }
      case "/guestbook":
        return page("Guestbook", `<form method="post" action="/guestbook">
          <label>Name <input name="name" maxlength="40" required></label>
          <label>Words <textarea name="words" maxlength="${MOST_CHARACTERS}" rows="2" required></textarea></label>
          <button>Sign</button></form>${this.#entries.map(quote).join("") || "<p>Nobody has signed yet.</p>"}`);
      case "/style.css":
        return { status: 200, type: "text/css", body: STYLE };
      default:
        return page("Not here", `<p>There is nothing at ${escaped(path)}.</p>`, 404);
    }
  }

  #sign({ name, words }) {
    if (!name || !words) return;
    this.#entries.unshift({ name: String(name).slice(0, 40), words: String(words).slice(0, MOST_CHARACTERS) });
    this.#entries.length = Math.min(this.#entries.length, MOST_ENTRIES);
  }
}

function page(title, body, status = 200) {
  const head = `<!doctype html><html lang="en"><title>${title}</title><link rel="stylesheet" href="/style.css">`;
  const nav = `<nav><a href="/">Home</a><a href="/picture">Picture</a><a href="/guestbook">Guestbook</a></nav>`;
  return { status, type: "text/html", body: `${head}${nav}<h1>${title}</h1>${body}<footer>Served at ${new Date().toLocaleTimeString()}</footer>` };
}

function quote({ name, words }) {
  return `<blockquote>${escaped(words)}<br><strong>${escaped(name)}</strong></blockquote>`;
}

function escaped(text) {
  return String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** A landscape, as PNG. */
async function painted() {
  const canvas = new OffscreenCanvas(640, 400);
  const context = canvas.getContext("2d");
  const sky = context.createLinearGradient(0, 0, 0, 400);
  sky.addColorStop(0, "#f7c98b");
  sky.addColorStop(1, "#fdf1d8");
  context.fillStyle = sky;
  context.fillRect(0, 0, 640, 400);
  context.fillStyle = "#e8623a";
  context.beginPath();
  context.arc(450, 130, 56, 0, 2 * Math.PI);
  context.fill();
  for (const [colour, height, long] of [["#7f9a92", 230, 90], ["#4f7a6d", 275, 150], ["#23493f", 330, 210]]) {
    context.fillStyle = colour;
    context.beginPath();
    context.moveTo(0, 400);
    for (let x = 0; x <= 640; x += 8) context.lineTo(x, height + 30 * Math.sin(x / long) + 12 * Math.sin(x / 37));
    context.lineTo(640, 400);
    context.fill();
  }
  return canvas.convertToBlob({ type: "image/png" });
}
