// Light or dark, for the console and the examples. A classic script in the head, so that no page is first painted in
// the wrong theme. Without a choice of the user the system's is taken.

(() => {
  const KEY = "nws-theme";
  const CHOICES = ["auto", "light", "dark"];
  const WORDS = { auto: "Auto", light: "Light", dark: "Dark" };

  const stored = () => {
    try {
      const value = localStorage.getItem(KEY);
      return CHOICES.includes(value) ? value : "auto";
    } catch {
      return "auto";
    }
  };

  let choice = stored();

  const show = () => {
    document.documentElement.dataset.theme = choice;
    for (const button of document.querySelectorAll(".theme-toggle")) {
      button.textContent = `◐ ${WORDS[choice]}`;
      button.setAttribute("aria-label", `Theme: ${WORDS[choice]}. Change it`);
    }
    document.dispatchEvent(new Event("themechange"));
  };

  const next = () => {
    choice = CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length];
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // Without storage the choice holds for this page.
    }
    show();
  };

  show();
  addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll(".theme-toggle")) button.addEventListener("click", next);
    show();
  });
  addEventListener("storage", ({ key }) => {
    if (key !== KEY) return;
    choice = stored();
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
})();
