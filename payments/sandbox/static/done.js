// The last page of a window or frame: tell the shop's script what happened, then step aside.
"use strict";
(() => {
  const { message, opener: origin, back } = document.body.dataset;
  const shop = window.parent !== window ? window.parent : window.opener;
  if (shop && origin) {
    shop.postMessage(JSON.parse(message), origin);
    window.close();
  } else if (back) {
    window.location.replace(back);
  }
})();
