// What the theme leaves unclear to those who read with the keyboard, by ear, on a telephone or on paper: each fold says what
// it holds, one button opens all folds, wide formulas and tables can be scrolled with the keyboard.
document.addEventListener("DOMContentLoaded", () => {
  const article = document.querySelector(".bd-article");
  document.querySelector("#pst-primary-sidebar")?.setAttribute("role", "region"); // the logo stands outside of its lists
  document.querySelector("#pst-primary-sidebar")?.setAttribute("aria-label", "Book");
  if (!article) return;

  const counted = new Map();
  for (const button of article.querySelectorAll(".toggle-button")) {
    const what = button.closest(".admonition-title")?.textContent.trim() || "Fold";
    const heading = button.closest("section")?.querySelector("h1, h2, h3, h4");
    const where = heading?.firstChild?.textContent.trim() ?? "";
    const key = `${what} ${where}`;
    counted.set(key, (counted.get(key) ?? 0) + 1);
    button.setAttribute("aria-label", `${what}, number ${counted.get(key)} in ${where}`);
  }

  const folds = article.querySelectorAll("details");
  const buttons = [...article.querySelectorAll(".toggle-button")];
  const bar = document.querySelector(".article-header-buttons");
  if (bar && (folds.length || buttons.length)) {
    const all = document.createElement("button");
    all.type = "button";
    all.className = "btn btn-sm course-open-all";
    all.title = "Open all folds, as for printing";
    all.setAttribute("aria-label", all.title);
    all.setAttribute("aria-pressed", "false");
    all.innerHTML = '<svg aria-hidden="true" viewBox="0 0 16 16" width="16" height="16" fill="none" ' +
      'stroke="currentColor" stroke-width="1.6"><path d="M3 3l5 4 5-4M3 9l5 4 5-4"/></svg>';
    all.addEventListener("click", () => {
      const open = all.getAttribute("aria-pressed") === "false";
      all.setAttribute("aria-pressed", String(open));
      for (const fold of folds) fold.open = open;
      for (const button of buttons)
        if ((button.getAttribute("aria-expanded") === "true") !== open) button.click();
    });
    bar.prepend(all);
  }

  const reachable = () => {
    for (const formula of article.querySelectorAll('mjx-container:not([display="true"])'))
      if (!formula.closest("div.math") && formula.getBoundingClientRect().width > article.clientWidth)
        formula.classList.add("course-wide");
    for (const box of article.querySelectorAll("div.math, mjx-container, pre, .pst-scrollable-table-container, table"))
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
  };
  window.addEventListener("load", () => window.MathJax?.startup ? MathJax.startup.promise.then(reachable) : reachable());
});
