/* The back office without a mouse. The theme answers clicks on plain elements, and shows its icons by their names:
   here each of them is a button with a name, and a menu that opens takes the focus and gives it back. Its single
   letter for searching is taken off; Ctrl K searches. */
(() => {
  "use strict";
  const NAMES = {
    close: "Close the menu",
    more_horiz: "More actions",
    more_vert: "More actions",
    search: "Search",
    settings: "What needs doing",
  };
  const NATIVE = "a[href], button, input, select, textarea";
  const MENUS = "body > nav, #changelist-filter, #nav-sidebar, nav:has(#logout-form)";
  let opened = null; // the menu that a key opened, and what opened it

  const shown = () => [...document.querySelectorAll(MENUS)].filter((menu) => menu.getClientRects().length > 0);

  const name = (one) => {
    const icons = [...one.querySelectorAll(".material-symbols-outlined")];
    icons.forEach((icon) => icon.setAttribute("aria-hidden", "true"));
    const said = one.textContent.trim();
    const icon = one.matches(".material-symbols-outlined") ? one : icons[0];
    if (icon && said === icon.textContent.trim() && !one.ariaLabel) one.ariaLabel = NAMES[said] ?? said;
  };

  const prepare = () => {
    document.querySelectorAll("a, button").forEach(name);
    document.querySelectorAll("[x-on\\:click]:not([id$=-close])").forEach((one) => {
      name(one);
      if (one.matches(NATIVE)) return;
      one.setAttribute("role", "button");
      one.tabIndex = 0;
    });
    document.querySelectorAll("select + .select2 .select2-selection").forEach((chosen) => {
      const label = document.querySelector(`label[for="${chosen.closest(".select2").previousElementSibling.id}"]`);
      if (label) [chosen, ...chosen.querySelectorAll("[role=textbox]")].forEach((one) => one.setAttribute("aria-label", label.textContent.trim()));
    });
  };

  const press = (one) => {
    const before = shown();
    one.click();
    setTimeout(() => {
      const menu = shown().find((other) => !before.includes(other));
      if (!menu) return;
      opened = { menu, by: one };
      menu.querySelector("a[href], button")?.focus();
    }, 200); // the theme fades its menus in
  };

  const back = () => {
    if (opened.menu.id !== "changelist-filter") opened.by.click();
    opened.by.focus();
    opened = null;
  };

  // Enter takes the first that was found; the theme fails where no arrow chose one before
  const chooseFirst = (event) => {
    const found = window.Alpine.$data(event.target);
    if (!found.totalItems) event.stopImmediatePropagation();
    else if (!found.currentIndex) found.nextItem();
  };

  document.addEventListener("keydown", (event) => {
    const one = event.target;
    if ((event.key === "Enter" || event.key === " ") && one.matches("[role=button]:not(button, a[href])")) {
      event.preventDefault();
      press(one);
    }
    if (event.key === "Escape" && opened?.menu.contains(one)) back();
  });
  window.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "/" && !event.target.matches("input, textarea")) event.stopImmediatePropagation();
      if (event.key === "Enter" && event.target.id === "search-input-command") chooseFirst(event);
    },
    true,
  );
  window.addEventListener("load", () => {
    prepare();
    new MutationObserver(prepare).observe(document.body, { childList: true, subtree: true });
  });
})();
