// Draws a tree of `{ id, children }` as SVG: the root on top, the own node filled.

const SVG = "http://www.w3.org/2000/svg";
const ACROSS = 74;
const DOWN = 84;
const MARGIN = 34;

/**
 * @param {SVGElement} svg
 * @param {{ id: string, children: object[] }} tree
 * @param {string} own The id of this page's node.
 */
export function draw(svg, tree, own) {
  const edges = element("g", { class: "edges" });
  const nodes = element("g", { class: "nodes" });
  let leaves = 0;
  let depth = 0;
  const place = ({ id, children }, level) => {
    depth = Math.max(depth, level);
    const below = children.map((child) => place(child, level + 1));
    const x = below.length ? (below[0].x + below.at(-1).x) / 2 : MARGIN + leaves++ * ACROSS;
    const y = MARGIN + level * DOWN;
    for (const child of below)
      edges.append(
        element("path", { d: `M${x} ${y}C${x} ${y + 40} ${child.x} ${child.y - 40} ${child.x} ${child.y}` }),
      );
    const node = element("g", { class: id === own ? "node own" : "node", transform: `translate(${x} ${y})` });
    const name = element("text", { y: 4 });
    name.textContent = id;
    node.append(element("circle", { r: 23 }), name);
    nodes.append(node);
    return { x, y };
  };
  place(tree, 0);
  const width = 2 * MARGIN + (leaves - 1) * ACROSS;
  const height = 2 * MARGIN + depth * DOWN;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("width", String(width));
  svg.setAttribute("height", String(height));
  svg.setAttribute("aria-label", words(tree, own));
  svg.replaceChildren(edges, nodes);
}

/** How many nodes a tree has. */
export function size({ children }) {
  return children.reduce((sum, child) => sum + size(child), 1);
}

function words({ id, children }, own) {
  const here = id === own ? `${id}, which is this page` : id;
  return children.length
    ? `${here}, with the children: ${children.map((child) => words(child, own)).join("; ")}`
    : here;
}

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}
