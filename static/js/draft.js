/* Totals of a draft as they are typed. The server reckons them again; what it saved is what counts. */
(() => {
  const form = document.querySelector("[data-draft]");
  if (!form) return;
  const places = Number(form.dataset.places);
  const total = form.querySelector("[data-total]");
  const seen = form.querySelector("[name=seen_total]");
  const lines = form.querySelector("[data-lines]");
  const count = form.querySelector("[name=lines-TOTAL_FORMS]");
  const blank = form.querySelector("template[data-blank]");

  /* A decimal as an integer of so many places; null where it is none. */
  const exact = (text, decimals) => {
    const found = /^\s*(\d*)(?:\.(\d*))?\s*$/.exec(text);
    if (!found || !(found[1] || found[2]) || (found[2] || "").length > decimals) return null;
    return BigInt(found[1] + (found[2] || "").padEnd(decimals, "0"));
  };
  const halfUp = (value, divisor) => (2n * value + divisor) / (2n * divisor);
  const written = (minor) => {
    const digits = minor.toString().padStart(places + 1, "0");
    const whole = digits.slice(0, digits.length - places).replace(/\B(?=(\d{3})+$)/g, ",");
    return places ? `${whole}.${digits.slice(-places)}` : whole;
  };

  const priced = (row) => {
    const [quantity, price, rate] = [["quantity", 3], ["unit_price", 4], ["tax_rate", 3]].map(
      ([name, decimals]) => exact(row.querySelector(`[name$=-${name}]`).value || "0", decimals),
    );
    const gone = row.querySelector("[name$=-DELETE]");
    if (quantity === null || price === null || rate === null || (gone && gone.checked)) return 0n;
    const net = halfUp(quantity * price * 10n ** BigInt(places), 10n ** 7n);
    return net + halfUp(net * rate, 100000n);
  };

  const reckon = () => {
    let sum = 0n;
    for (const row of lines.querySelectorAll("[data-line]")) {
      const amount = priced(row);
      row.querySelector("[data-amount]").textContent = amount ? written(amount) : "";
      sum += amount;
    }
    for (const box of form.querySelectorAll("[name=charges]:checked")) sum += BigInt(box.dataset.amount);
    total.textContent = written(sum);
    seen.value = sum.toString();
  };

  form.addEventListener("input", reckon);
  form.querySelector("[data-all]")?.addEventListener("change", (event) => {
    for (const box of form.querySelectorAll("[name=charges]")) box.checked = event.target.checked;
    reckon();
  });
  const add = form.querySelector("[data-add]");
  add.hidden = false;
  add.addEventListener("click", () => {
    const number = Number(count.value);
    const holder = document.createElement("tbody");
    holder.innerHTML = blank.innerHTML.replaceAll("__prefix__", number);
    const row = holder.firstElementChild;
    lines.append(row);
    count.value = number + 1;
    row.querySelector("input, textarea").focus();
  });
  let isChanged = false;
  form.addEventListener("input", () => { isChanged = true; });
  form.addEventListener("submit", () => { isChanged = false; });
  window.addEventListener("beforeunload", (event) => { if (isChanged) event.preventDefault(); });
  reckon();
})();
