// overfit's page: a curve with a chosen number of parameters through eight points.
"use strict";
(() => {
  const { find } = nn, tensors = nn.load("overfit"), list = (name) => [...tensors[name].data];
  const seenX = list("seen_x"), unseenX = list("unseen_x"), unseenY = list("unseen_y");
  const heights = { true: list("true"), shuffled: list("shuffled") };
  const MOST = seenX.length;
  let parameters = 4, labels = "true";

  // Legendre's polynomials 1, x, (3x² - 1) / 2 ... at x: any curve of powers up to x^(n - 1)
  // is a sum of the first n of them, and with them little is lost by rounding.
  function basis(x, n) {
    const values = [1, x];
    for (let k = 1; k + 1 < n; k++)
      values.push(((2 * k + 1) * x * values[k] - k * values[k - 1]) / (k + 1));
    return values.slice(0, n);
  }

  // The solution of n equations: each unknown is taken out of the rows below, the largest
  // number first; then they are found from the last one to the first.
  function solve(matrix, right) {
    const n = right.length, rows = matrix.map((row, i) => [...row, right[i]]);
    for (let k = 0; k < n; k++) {
      let best = k;
      for (let i = k + 1; i < n; i++)
        if (Math.abs(rows[i][k]) > Math.abs(rows[best][k])) best = i;
      [rows[k], rows[best]] = [rows[best], rows[k]];
      for (let i = k + 1; i < n; i++) {
        const factor = rows[i][k] / rows[k][k];
        for (let j = k; j <= n; j++) rows[i][j] -= factor * rows[k][j];
      }
    }
    const found = Array(n).fill(0);
    for (let k = n - 1; k >= 0; k--) {
      let rest = rows[k][n];
      for (let j = k + 1; j < n; j++) rest -= rows[k][j] * found[j];
      found[k] = rest / rows[k][k];
    }
    return found;
  }

  // The curve with n parameters whose squared distances from the points are smallest: the
  // normal equations A'A c = A'y.
  function fit(n, labels) {
    const rows = seenX.map((x) => basis(x, n)), y = heights[labels];
    const unknowns = Array.from({ length: n }, (_, i) => i);
    const matrix = unknowns.map((i) => unknowns.map((j) =>
      rows.reduce((sum, row) => sum + row[i] * row[j], 0)));
    const right = unknowns.map((i) => rows.reduce((sum, row, k) => sum + row[i] * y[k], 0));
    const numbers = solve(matrix, right);
    return (x) => basis(x, n).reduce((sum, value, i) => sum + value * numbers[i], 0);
  }

  // The root of the mean of the squared distances.
  function error(curve, xs, ys) {
    const squares = xs.map((x, i) => (curve(x) - ys[i]) ** 2);
    return Math.sqrt(squares.reduce((sum, one) => sum + one, 0) / xs.length);
  }

  nn.overfit = {  // for the tests
    heights: (n, labels, xs) => nn.tensor([xs.length], xs.map(fit(n, labels))),
    errors(n, labels) {
      const curve = fit(n, labels);
      return nn.tensor([2], [error(curve, seenX, heights[labels]),
        error(curve, unseenX, unseenY)]);
    },
  };

  function show() {
    const [seen, unseen] = nn.overfit.errors(parameters, labels).data;
    nn.setRadios("labels", labels);
    find("parameters").value = parameters;
    find("count").textContent = parameters;
    const many = parameters === 1 ? "1 parameter" : `${parameters} parameters`;
    nn.say(find("answer"), `${many}, ${labels} heights: error ${seen.toFixed(2)} on the \
points it was made for, ${unseen.toFixed(2)} on unseen ones.`);
    draw(fit(parameters, labels));
  }

  function draw(curve) {
    const px = (x) => (200 + 185 * x).toFixed(1), py = (y) => (150 - 75 * y).toFixed(1);
    const line = Array.from({ length: 201 }, (_, i) => -1 + i / 100)
      .map((x) => `${px(x)} ${py(curve(x))}`);
    const dots = (xs, ys, look) => xs.map((x, i) =>
      `<circle cx="${px(x)}" cy="${py(ys[i])}" ${look}/>`).join("");
    find("plot").innerHTML = `<path d="M${line.join("L")}" fill="none" stroke-width="3"
      stroke="var(--pst-color-primary)"/>`
      + dots(seenX, heights[labels], `r="6" fill="currentColor"`)
      + dots(unseenX, unseenY, `r="6" fill="none" stroke="currentColor" stroke-width="2"`);
  }

  function change(changed) {
    ({ parameters = parameters, labels = labels } = changed);
    show();
    nn.remember({ parameters, labels });
  }
  find("parameters").oninput = (event) => change({ parameters: Number(event.target.value) });
  nn.onRadios("labels", (value) => change({ labels: value }));

  const asked = nn.settings();
  parameters = nn.whole(asked.parameters, 1, MOST) ?? parameters;
  if (Object.hasOwn(heights, asked.labels)) labels = asked.labels;
  show();
})();
