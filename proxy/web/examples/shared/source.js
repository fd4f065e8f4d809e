// Shows the code that the page runs, as it is: every `<figure data-source="file">` gets the text of that file.

const TOKENS = new RegExp(
  [
    String.raw`(?<comment>\/\/[^\n]*|\/\*[^]*?\*\/)`,
    "(?<string>\"[^\"\\n]*\"|'[^'\\n]*'|`[^`]*`)",
    String.raw`\b(?<own>NetworkWebSocket|LocalWebSocket|BroadcastWebSocket|onconnect|ondisconnect)\b`,
    String.raw`\b(?<word>import|export|from|class|extends|constructor|const|let|new|return|if|else|for|of|async|await|try|catch|finally|throw|this|super|get|static|null|true|false|undefined|typeof)\b`,
  ].join("|"),
  "g",
);

for (const figure of document.querySelectorAll("figure[data-source]")) void fill(/** @type {HTMLElement} */ (figure));

async function fill(figure) {
  const file = figure.dataset.source;
  const pre = document.createElement("pre");
  pre.tabIndex = 0;
  pre.setAttribute("aria-label", `Source of ${file}`);
  const link = Object.assign(document.createElement("a"), { href: file, textContent: file.split("/").at(-1) });
  const caption = document.createElement("figcaption");
  caption.append(figure.dataset.about ?? "The essential code, as this page runs it", link);
  figure.classList.add("panel");
  figure.replaceChildren(caption, pre);
  try {
    const answer = await fetch(file);
    pre.append(coloured((await answer.text()).trim()));
  } catch {
    pre.textContent = "It can't be loaded now: the proxy does not answer.";
  }
}

function coloured(text) {
  const fragment = document.createDocumentFragment();
  let at = 0;
  for (const match of text.matchAll(TOKENS)) {
    const kind = Object.keys(match.groups ?? {}).find((name) => match.groups?.[name] !== undefined) ?? "";
    fragment.append(text.slice(at, match.index));
    fragment.append(Object.assign(document.createElement("span"), { className: kind, textContent: match[0] }));
    at = match.index + match[0].length;
  }
  fragment.append(text.slice(at));
  return fragment;
}
