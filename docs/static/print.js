// On paper nobody can fold out an answer: all are open while the page is printed.
let closedAnswers = [];
addEventListener("beforeprint", () => {
  closedAnswers = [...document.querySelectorAll("details.nn-answer:not([open])")];
  for (const answer of closedAnswers) answer.open = true;
});
addEventListener("afterprint", () => {
  for (const answer of closedAnswers) answer.open = false;
});
