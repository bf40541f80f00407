// The payment page. Without it, bank transfer and PayPal's own page work; the card fields are a provider's frame.
//   #panel[data-script]            the chosen provider's script, loaded when its panel is shown
//   form.pay-form[data-pay]        card: confirmed in the browser first; approved, promise: posted at once
//   #unknown (template)            shown when the connection was lost after pressing: nobody knows, nothing is offered
(() => {
  "use strict";
  const nonce = document.currentScript.nonce;
  const POLL = 2000;
  const scripts = new Map();
  let isPaying = false;
  let mounted = null;
  let opened = null;

  const load = (url) => {
    if (!scripts.has(url)) {
      scripts.set(
        url,
        new Promise((resolve, reject) => {
          const script = document.createElement("script");
          script.src = url;
          script.dataset.cspNonce = nonce;
          script.addEventListener("load", resolve);
          script.addEventListener("error", () => {
            scripts.delete(url);
            script.remove();
            reject(new Error(`${url} could not be loaded`));
          });
          document.head.append(script);
        }),
      );
    }
    return scripts.get(url);
  };

  // The form's button, as the frame pressed it
  const release = (form) => form.dispatchEvent(new CustomEvent("frame:release", { bubbles: true }));
  const ask = (address, form) =>
    fetch(address, {
      method: "POST",
      body: new FormData(form),
      headers: { "HX-Request": "true", "HX-Current-URL": location.href },
      credentials: "same-origin",
    });
  // Paying: the server answers where to go on. No answer means that nobody knows.
  async function post(form) {
    const answer = await ask(form.action, form);
    const address = answer.headers.get("HX-Redirect");
    if (!address) throw new Error(`Answered ${answer.status}`);
    return address;
  }

  async function complete(form) {
    isPaying = true;
    document.title = document.title.replace(/^(Error: |Processing: )?/, "Processing: ");
    try {
      location.assign(await post(form));
    } catch (error) {
      unknown(form);
    }
  }

  function unknown(form) {
    const page = document.getElementById("payment");
    page.replaceChildren(document.getElementById("unknown").content.cloneNode(true));
    page.className = "reading stack";
    page.querySelector("h2").focus();
    const again = async () => {
      try {
        location.assign(await post(form));
      } catch (error) {
        // still nobody knows
      }
    };
    page.querySelector("a").addEventListener("click", (event) => {
      event.preventDefault();
      again();
    });
    window.addEventListener("online", again);
  }

  // Card
  const value = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const appearance = () => ({
    theme: scheme.matches ? "night" : "stripe",
    variables: {
      colorPrimary: value("--accent"),
      colorBackground: value("--surface"),
      colorText: value("--text"),
      colorTextSecondary: value("--muted"),
      colorTextPlaceholder: value("--muted"),
      colorDanger: value("--danger"),
      borderRadius: value("--radius-control"),
      fontFamily: value("--font"),
      fontSizeBase: "16px",
    },
    rules: { ".Input": { borderColor: value("--control") } },
  });
  scheme.addEventListener("change", () => mounted?.elements.update({ appearance: appearance() }));

  function mountCard(form) {
    const stripe = window.Stripe(form.dataset.key);
    const elements = stripe.elements({ clientSecret: form.dataset.secret, appearance: appearance() });
    const billing = { name: form.dataset.name, email: form.dataset.email };
    const element = elements.create("payment", { layout: "tabs", defaultValues: { billingDetails: billing } });
    element.on("ready", () => {
      form.querySelector(".actions").hidden = false;
      window.say(form.dataset.ready);
    });
    element.on("loaderror", () => failed(form));
    element.mount(form.querySelector(".provider-fields"));
    mounted = { stripe, elements, element };
  }

  async function payByCard(form) {
    if (!mounted) return release(form);
    const { stripe, elements } = mounted;
    const checked = await elements.submit();
    if (checked.error) return release(form);
    isPaying = true;
    document.getElementById("last-attempt")?.remove();
    const watch = setInterval(() => showChallenge(form), POLL);
    const { error } = await stripe
      .confirmPayment({
        elements,
        confirmParams: { return_url: new URL(form.dataset.return, location.href).href },
        redirect: "if_required",
      })
      .catch((thrown) => ({ error: thrown }));
    clearInterval(watch);
    hideChallenge();
    if (error?.type === "validation_error") {
      isPaying = false;
      return release(form);
    }
    return complete(form); // the server looks at the provider: paid, declined or unknown
  }

  async function showChallenge(form) {
    const panel = document.getElementById("challenge");
    if (!panel?.hidden) return;
    const { paymentIntent } = await mounted.stripe.retrievePaymentIntent(form.dataset.secret).catch(() => ({}));
    if (paymentIntent?.status !== "requires_action" || !isPaying) return;
    panel.hidden = false;
    window.say(panel.querySelector("h2").textContent);
  }

  const hideChallenge = () => {
    const panel = document.getElementById("challenge");
    if (panel) panel.hidden = true;
  };

  async function openChallenge() {
    const form = document.querySelector("form[data-pay=card]");
    if (!mounted || isPaying) return;
    isPaying = true;
    await mounted.stripe.handleNextAction({ clientSecret: form.dataset.secret }).catch(() => ({}));
    complete(form);
  }

  // PayPal
  function mountPayPal(place) {
    const form = document.querySelector("form[data-pay=approved]");
    const closed = document.getElementById("closed");
    window.paypal
      .Buttons({
        createOrder: () => {
          isPaying = true;
          closed.hidden = true;
          return freshOrder(form, place.dataset.renew);
        },
        onApprove: () => form.requestSubmit(),
        onCancel: () => {
          isPaying = false;
          closed.hidden = false;
          closed.textContent = closed.dataset.text;
        },
        onError: () => {
          isPaying = false;
          failed(place);
        },
      })
      .render(place);
  }

  // The order may have run out while the page stood open; the server then makes another.
  async function freshOrder(form, address) {
    const answer = await ask(address, form);
    const goOn = answer.headers.get("HX-Redirect");
    if (goOn) {
      location.assign(goOn);
      throw new Error("There is nothing left to confirm");
    }
    if (!answer.ok) throw new Error(`Answered ${answer.status}`);
    const { session, orderId } = await answer.json();
    form.elements.session.value = opened = session;
    return orderId;
  }

  function failed(place) {
    const panel = place.closest("#panel");
    mounted = null;
    panel.querySelector(".failed-to-load").hidden = false;
    const fallback = panel.querySelector(".continue-form");
    if (fallback) fallback.hidden = false;
    panel.querySelectorAll("form[data-pay=card] .actions").forEach((actions) => (actions.hidden = true));
  }

  async function show() {
    const panel = document.getElementById("panel");
    const place = panel?.querySelector("[data-pay=card], [data-pay=paypal]");
    mounted = null;
    if (!place || !panel.dataset.script) return;
    try {
      await load(panel.dataset.script);
      if (!place.isConnected) return;
      if (place.dataset.pay === "card") mountCard(place);
      else mountPayPal(place);
    } catch (error) {
      if (place.isConnected) failed(place);
    }
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[data-pay]") || event.defaultPrevented) return;
    event.preventDefault();
    if (form.dataset.pay === "card") payByCard(form);
    else complete(form);
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("#open-challenge")) openChallenge();
  });
  // A page that pays asks nobody how the payment stands: its own answer comes.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (isPaying && event.target.id === "watch") event.preventDefault();
  });
  // What was paid in a window that this page opened, and then lost, is this page's payment all the same.
  document.addEventListener("htmx:configRequest", (event) => {
    if (opened && event.target.id === "watch") event.detail.parameters.opened = opened;
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "panel") show();
  });
  // Somebody was quicker than the scripts: what they chose is posted now. htmx listens from here on, too.
  document.addEventListener("DOMContentLoaded", () => {
    const methods = document.getElementById("methods");
    const checked = methods?.querySelector(":checked");
    if (checked && checked.value !== methods.dataset.chosen) {
      checked.dispatchEvent(new Event("change", { bubbles: true }));
    }
  });
  show();
})();
