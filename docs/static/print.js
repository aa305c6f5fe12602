// On paper nobody can fold out an answer, and white letters cannot be read: while the
// page is printed, all answers are open, and a dark page is a light one.
let closedAnswers = [];
let themeBefore;
addEventListener("beforeprint", () => {
  closedAnswers = [...document.querySelectorAll("details.nn-answer:not([open])")];
  for (const answer of closedAnswers) answer.open = true;
  themeBefore = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
});
addEventListener("afterprint", () => {
  for (const answer of closedAnswers) answer.open = false;
  document.documentElement.dataset.theme = themeBefore;
});
