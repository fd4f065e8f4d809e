// Shows pages of servers that nobody here knows. They come into a frame in which no script runs (`sandbox`), and only
// what is harmless is taken over: a list of elements and attributes, not one of what is bad.

const ELEMENTS = new Set(
  ("a abbr address article aside b blockquote br button caption code dd del details div dl dt em figcaption figure footer form " +
    "h1 h2 h3 h4 h5 h6 header hr i img input ins kbd label legend li main mark nav ol optgroup option p pre q s samp section " +
    "select small span strong sub summary sup table tbody td textarea tfoot th thead time tr u ul var").split(" "),
);
const ATTRIBUTES = new Set(
  ("alt class cols colspan datetime dir for height id lang maxlength placeholder required rows rowspan scope " +
    "selected title type value width").split(" "),
);
const PICTURES = /^image\/(png|jpeg|gif|webp|avif|svg\+xml)$/;
/** Elsewhere a name would hide what a page's document itself has under it. */
const NAMED = new Set("button input select textarea".split(" "));

/** A form's own members may be hidden by those of its fields. @param {Element} node */
const attributes = (node) =>
  new Map(Element.prototype.getAttributeNames.call(node).map((name) => [name, Element.prototype.getAttribute.call(node, name)]));

export class View {
  #frame;
  #pictures = [];
  /** Where links and forms go. */
  #goals = new WeakMap();

  /**
   * @param {HTMLIFrameElement} frame Sandboxed, with an empty page of ours.
   * @param {(path: string, form?: object) => void} go Called for links and forms.
   */
  constructor(frame, go) {
    this.#frame = frame;
    const inside = frame.contentDocument;
    inside.addEventListener("click", (event) => {
      const link = event.composedPath().find((node) => node.localName === "a");
      if (!link) return;
      event.preventDefault();
      if (this.#goals.has(link)) go(this.#goals.get(link));
    });
    inside.addEventListener("submit", (event) => {
      event.preventDefault();
      const form = Object.fromEntries(new FormData(event.target, event.submitter));
      go(this.#goals.get(event.target) ?? "/", form);
    });
  }

  /** @param {string} html @param {string} at The path it came from. @param {(path: string) => Promise<object>} get */
  async show(html, at, get) {
    const inside = this.#frame.contentDocument;
    const from = new DOMParser().parseFromString(html, "text/html");
    const where = (given) => local(given, at);
    const pictures = [];
    const clean = (node) => {
      if (node.nodeType === Node.TEXT_NODE) return [inside.createTextNode(node.data)];
      if (node.nodeType !== Node.ELEMENT_NODE) return [];
      const name = node.localName;
      if (!ELEMENTS.has(name)) return [];
      const copy = inside.createElement(name);
      const has = attributes(node);
      for (const [given, value] of has) {
        if (ATTRIBUTES.has(given) || (given === "name" && NAMED.has(name))) copy.setAttribute(given, value);
      }
      const goal = name === "a" || name === "form" ? where(has.get(name === "a" ? "href" : "action")) : undefined;
      if (goal) this.#goals.set(copy, goal);
      if (goal && name === "a") copy.setAttribute("href", "#");
      const picture = name === "img" && where(has.get("src"));
      if (picture) pictures.push([copy, picture]);
      copy.append(...[...node.childNodes].flatMap(clean));
      return [copy];
    };
    const body = [...from.body.childNodes].flatMap(clean);
    const sheets = await Promise.all(
      [...from.querySelectorAll("link[rel=stylesheet]")].map((link) => this.#sheet(where(link.getAttribute("href")), get)),
    );
    for (const url of this.#pictures.splice(0)) URL.revokeObjectURL(url);
    inside.adoptedStyleSheets = sheets.filter(Boolean);
    inside.body.replaceChildren(...body);
    inside.documentElement.scrollTop = 0;
    this.#frame.title = from.title || "The site";
    for (const [image, path] of pictures) {
      const { type, body } = await get(path);
      if (!PICTURES.test(type)) continue;
      this.#pictures.push((image.src = URL.createObjectURL(new Blob([body], { type }))));
    }
  }

  async #sheet(path, get) {
    if (!path) return undefined;
    const { type, body } = await get(path);
    if (type !== "text/css" || typeof body !== "string") return undefined;
    // It belongs to the frame's page, and takes no `@import`.
    const sheet = new this.#frame.contentWindow.CSSStyleSheet();
    sheet.replaceSync(body);
    return sheet;
  }
}

/** A path of the same server, or nothing. */
function local(given, at) {
  if (given === undefined || given === null) return undefined;
  const base = new URL(at, "tunnel://server/");
  const url = URL.canParse(given, base) ? new URL(given, base) : undefined;
  return url?.protocol === base.protocol && url.host === base.host ? url.pathname + url.search : undefined;
}
