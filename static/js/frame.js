// What every page may use. Everything works without it. By attribute:
//   form[data-busy="Paying $39.40…"]   its pressed button keeps the focus, says this, and ignores a second press
//   button[data-copy="#id"|"text"][data-copied="IBAN copied"]   copies a field or text, and says so
//   button[data-show="#id"][data-shown="Hide"]   shows a password
//   button[data-print]   prints the page
//   a[data-dialog="id"], [data-close]   opens the <dialog id> instead of following the link; closes it
// Elements with [data-needs-script][hidden] appear. `say(text)` fills the live region.
(() => {
  "use strict";
  const say = (text) => {
    document.getElementById("live").textContent = text;
  };
  window.say = say;

  document.querySelectorAll("[data-needs-script]").forEach((element) => (element.hidden = false));
  document.addEventListener("htmx:afterSettle", (event) => {
    event.target.querySelectorAll?.("[data-needs-script]").forEach((element) => (element.hidden = false));
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });

  // Pressed buttons
  const pressed = new Map();
  const release = (form) => {
    const before = pressed.get(form);
    if (!before) return;
    pressed.delete(form);
    before.button.removeAttribute("aria-disabled");
    before.button.textContent = before.label;
  };
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (pressed.has(form)) {
        event.preventDefault();
        event.stopImmediatePropagation();
        return;
      }
      const button = event.submitter ?? form.querySelector("button:not([type=button])");
      if (!button || form.method !== "post") return;
      pressed.set(form, { button, label: button.textContent });
      form.querySelectorAll(":scope > .strip").forEach((strip) => strip.remove());
      button.setAttribute("aria-disabled", "true");
      const busy = button.dataset.busy ?? form.dataset.busy;
      if (busy) button.textContent = busy;
    },
    true,
  );
  document.addEventListener("htmx:afterRequest", (event) => release(event.target.closest("form")));
  document.addEventListener("frame:release", (event) => release(event.target));
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

  // A request that did not leave
  document.addEventListener("htmx:sendError", (event) => {
    const form = event.target.closest("form");
    if (form && !form.querySelector(":scope > .strip")) {
      form.append(document.getElementById("unreachable").content.cloneNode(true));
    }
  });

  const copyText = (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    // Without TLS there is no clipboard object, but a selected field can still be copied.
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done ? Promise.resolve() : Promise.reject(new Error("not copied"));
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest(".error-summary a[href^='#']");
    if (link) {
      const field = document.getElementById(link.hash.slice(1));
      if (!field) return;
      event.preventDefault();
      const name = field.closest("fieldset")?.querySelector("legend") ?? field.labels?.[0] ?? field;
      name.scrollIntoView();
      field.focus({ preventScroll: true });
      return;
    }

    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const source = copy.dataset.copy.startsWith("#") ? document.querySelector(copy.dataset.copy) : null;
      const text = source ? (source.value ?? source.textContent.trim()) : copy.dataset.copy;
      copyText(text).then(() => say(copy.dataset.copied), () => source?.select?.());
      return;
    }

    const show = event.target.closest("[data-show]");
    if (show) {
      const field = document.querySelector(show.dataset.show);
      const hidden = field.type === "password";
      field.type = hidden ? "text" : "password";
      show.setAttribute("aria-pressed", String(hidden));
      return;
    }

    const opener = event.target.closest("a[data-dialog]");
    const dialog = opener && document.getElementById(opener.dataset.dialog);
    if (dialog && !event.metaKey && !event.ctrlKey) {
      event.preventDefault();
      dialog.showModal();
      return;
    }
    const close = event.target.closest("[data-close]");
    if (close?.closest("dialog")) {
      event.preventDefault();
      close.closest("dialog").close();
    }
  });

  // The user menu closes as menus do
  document.addEventListener("keydown", (event) => {
    const menu = document.querySelector(".user-menu[open]");
    if (event.key === "Escape" && menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  document.addEventListener("click", (event) => {
    const menu = document.querySelector(".user-menu[open]");
    if (menu && !menu.contains(event.target)) menu.open = false;
  });
})();
