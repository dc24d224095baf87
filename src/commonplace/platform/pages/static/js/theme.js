/** Light, dark, or as the device has it. The choice is a cookie, so that the next page arrives in its colours. */

const COOKIE = "commonplace_theme";
const A_YEAR_SECONDS = 31_536_000;

function choose(/** @type {string} */ theme) {
  const root = document.documentElement;
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
  document.cookie = `${COOKIE}=${theme}; path=/; samesite=lax; max-age=${theme ? A_YEAR_SECONDS : 0}`;
  for (const item of document.querySelectorAll("[data-theme-choice]")) {
    item.setAttribute("aria-checked", String(item.getAttribute("data-theme-choice") === theme));
  }
}

document.addEventListener("click", (event) => {
  const item = /** @type {Element} */ (event.target).closest?.("[data-theme-choice]");
  if (item) choose(item.getAttribute("data-theme-choice") ?? "");
});
