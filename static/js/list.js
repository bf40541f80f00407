// The list of invoices: says what is ticked and what that sums up to, and takes ticks along to other pages of the
// list. Without it the server says so after each step.
(() => {
  "use strict";
  const money = (minor, currency) => {
    const written = new Intl.NumberFormat("en-US", { style: "currency", currency });
    return written.format(minor / 10 ** written.resolvedOptions().maximumFractionDigits);
  };

  const told = () => {
    const line = document.getElementById("selected");
    if (!line) return;
    const sums = new Map();
    let count = 0;
    document.querySelectorAll("#select [name=id]").forEach((one) => {
      if (one.type === "checkbox" && !one.checked) return;
      count += 1;
      const { amount, currency } = one.dataset;
      sums.set(currency, (sums.get(currency) ?? 0) + Number(amount));
    });
    document.getElementById("selection").toggleAttribute("data-empty", count === 0);
    const words = count === 0 ? line.dataset.none : count === 1 ? line.dataset.one : line.dataset.many;
    const parts = [...sums].sort((one, other) => other[1] - one[1]).map(([currency, minor]) => money(minor, currency));
    line.textContent = [words.replace("%s", count), ...parts].join(" \u00b7 ");
    window.say(line.textContent);
  };

  document.addEventListener("change", (event) => {
    if (event.target.matches("#select [name=id]")) told();
  });

  // Chips, heads and the search ask for the list anew: what is ticked goes with them.
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.target.closest("#select, .chips, .search-form")) {
      const ticked = document.querySelectorAll("#select input[type=hidden][name=id], #select [name=id]:checked");
      event.detail.parameters.id = [...new Set([...ticked].map((one) => one.value))];
    }
  });
})();
