// On a phone held upright a deck is a page to scroll through (slides.css says how it
// looks): reveal.js then leaves the slides' size, the finger and the keys alone.
"use strict";
// reveal.js obeys the messages of every page that frames a deck, and takes its settings
// from the address, both as far as to run what stands in them. (Of files on a disk a
// browser does not tell whose page has sent a message.)
addEventListener("message", (event) => {
  if (location.protocol !== "file:" && event.origin !== location.origin)
    event.stopImmediatePropagation();
}, true);
if (/(url|plugins)=/i.test(location.search))
  history.replaceState(null, "", location.pathname + location.hash);
const phone = matchMedia("screen and (max-width: 700px)");
document.addEventListener("DOMContentLoaded", () => {
  if (window !== top) return;  // the speaker's view frames slides
  phone.onchange = () => location.reload();  // it has been turned
  if (!phone.matches) return;
  document.documentElement.classList.add("nn-phone");
  Reveal.configure({ disableLayout: true, touch: false, keyboard: false, controls: false,
    slideNumber: false, progress: false });
  // reveal.js hides every slide but one, also from who listens.
  const show = () => {
    for (const name of ["hidden", "aria-hidden"])
      for (const slide of document.querySelectorAll(`.slides section[${name}]`))
        slide.removeAttribute(name);
  };
  new MutationObserver(show).observe(document.querySelector(".slides"),
    { subtree: true, attributeFilter: ["hidden", "aria-hidden"] });
  show();
  document.querySelector("meta[content*=user-scalable]")?.remove();  // it may be enlarged
  // What is wider than the phone is moved by finger, or with the arrow keys.
  for (const wide of document.querySelectorAll(".slides pre")) wide.tabIndex = 0;
});
