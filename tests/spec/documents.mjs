// Reads the documents of spec/, and whatever else of this repository has links or cites them. It knows Markdown, and
// nothing of what the documents say.

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import GithubSlugger from "github-slugger";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmFromMarkdown } from "mdast-util-gfm";
import { toString } from "mdast-util-to-string";
import { gfm } from "micromark-extension-gfm";
import { visit } from "unist-util-visit";

export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Folders that are made, or installed, or not of this repository. */
const PASSED_OVER = new Set([".git", "node_modules", "target", "dist", ".venv", ".node", "out", "corpus", "artifacts"]);

/** All files below a folder, by their path from the repository's root. */
export function files(folder = root) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return PASSED_OVER.has(entry.name) ? [] : files(path);
    return entry.isFile() ? [relative(root, path)] : [];
  });
}

export const read = (path) => readFileSync(join(root, path), "utf8");

/** The Markdown documents, numbered ones of the specification first. */
export const markdown = files().filter((path) => path.endsWith(".md"));
export const documents = markdown.filter((path) => /^spec\/\d\d-[a-z]+\.md$/.test(path)).sort();

const parsed = new Map();

/** The syntax tree of a Markdown file. */
export function tree(path) {
  if (!parsed.has(path))
    parsed.set(path, fromMarkdown(read(path), { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] }));
  return parsed.get(path);
}

/** The titles of a document, in order: text, and the anchor that renderers give it. */
export function headings(path) {
  const slugger = new GithubSlugger();
  const found = [];
  visit(tree(path), "heading", (node) => {
    const text = toString(node);
    found.push({ text, anchor: slugger.slug(text), line: node.position.start.line });
  });
  return found;
}

/** The links of a document that lead to files of this repository: text, file, anchor, line. */
export function links(path) {
  const found = [];
  const add = (node) => {
    if (/^[a-z][a-z0-9+.-]*:/i.test(node.url)) return;
    const [file, anchor] = decodeURI(node.url).split("#");
    const target = file === "" ? path : relative(root, resolve(root, dirname(path), file));
    found.push({ text: toString(node), target, anchor, line: node.position.start.line });
  };
  visit(tree(path), "link", add);
  visit(tree(path), "image", add);
  visit(tree(path), "definition", add);
  return found;
}

export const isThere = (path) => existsSync(join(root, path));
export const isFile = (path) => isThere(path) && statSync(join(root, path)).isFile();

/**
 * The sentences of a document: text and line. A sentence ends with a full stop, and with the paragraph, the list's
 * item or the table's cell that it stands in. Inline code stays in backquotes, and drawings are not read.
 */
export function sentences(path) {
  const found = [];
  visit(tree(path), ["paragraph", "tableCell", "heading"], (node) => {
    const text = flat(node).replace(/\s+/g, " ").trim();
    for (const sentence of text.split(/(?<=\.\)?) (?=[^a-z])/))
      found.push({ text: sentence, line: node.position.start.line });
  });
  return found;
}

function flat(node) {
  if (node.type === "inlineCode") return `\`${node.value}\``;
  return node.children ? node.children.map(flat).join("") : (node.value ?? "");
}
