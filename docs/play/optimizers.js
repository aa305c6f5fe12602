// optimizers' page: the path of an optimizer to the bottom of a valley that can be turned.
"use strict";
(() => {
  const tensors = nn.load("optimizers"), { find } = nn;
  const rates = [...tensors.rates.data];
  const starts = Array.from({ length: tensors.starts.shape[0] }, (_, ball) =>
    [...nn.row(tensors.starts, ball).data]);
  const CONDITIONS = [1, 3, 10, 30, 100, 300, 1000], MOST = 5000;  // steps, as in the lesson
  const NAMES = { gradient_descent: "Gradient descent", momentum: "Momentum", adam: "Adam" };
  let name = "adam", angle = 0, condition = CONDITIONS.at(-1);
  let along = null;  // how many steps the chosen optimizer needs before the turn

  // The ball that is drawn starts about a tenth off the middle of the valley.
  const off = starts.map(([x]) => Math.abs(Math.abs(x) - 0.1));
  const shown = off.indexOf(Math.min(...off));

  const turn = ([x, y], [cos, sin]) => [cos * x - sin * y, sin * x + cos * y];
  const direction = (degrees) =>
    [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];

  // The gradient of the height: it is the place, turned back, stretched, and turned again.
  function gradient(place, condition, [cos, sin]) {
    const [across, along] = turn(place, [cos, -sin]);
    return turn([condition * across, along], [cos, sin]);
  }

  // One step of one ball, as PyTorch's SGD and Adam take it; `step` counts from 1.
  function move(ball, slope, name, rate, keep, step) {
    for (const i of [0, 1]) {
      if (name === "adam") {
        ball.mean[i] = 0.9 * ball.mean[i] + 0.1 * slope[i];
        ball.square[i] = 0.999 * ball.square[i] + 0.001 * slope[i] ** 2;
        const mean = ball.mean[i] / (1 - 0.9 ** step);
        const square = ball.square[i] / (1 - 0.999 ** step);
        ball.place[i] -= (rate * mean) / (Math.sqrt(square) + 1e-8);
      } else {
        ball.mean[i] = keep * ball.mean[i] + slope[i];  // the velocity
        ball.place[i] -= rate * ball.mean[i];
      }
    }
  }

  // Steps until the last ball has been at the bottom (one more than `most`, if one has
  // not), and the path of the ball that is drawn.
  function roll(name, condition, angle, rate, most = MOST) {
    const root = Math.sqrt(condition), turned = direction(angle);
    const keep = name === "momentum" ? ((root - 1) / (root + 1)) ** 2 : 0;
    const balls = starts.map((place) => ({ place: turn(place, turned), mean: [0, 0],
      square: [0, 0], goal: Math.hypot(...place) / 1000, there: false }));
    const path = [[...balls[shown].place]];
    for (let step = 1; step <= most; step++) {
      for (const ball of balls) {
        move(ball, gradient(ball.place, condition, turned), name, rate, keep, step);
        if (Math.hypot(...ball.place) <= ball.goal) ball.there = true;
      }
      path.push([...balls[shown].place]);
      if (balls.every((ball) => ball.there)) return { steps: step, path };
    }
    return { steps: most + 1, path };
  }

  // The best learning rate of the optimizer in this valley, and what it does with it.
  function best(name, condition, angle) {
    const root = Math.sqrt(condition);
    const known = { gradient_descent: 2 / (condition + 1), momentum: 4 / (root + 1) ** 2 };
    let found = null, most = MOST;
    for (const rate of name in known ? [known[name]] : rates) {
      const one = { rate, ...roll(name, condition, angle, rate, most) };
      if (!found || one.steps <= most) found = one;
      if (one.steps <= most) most = one.steps - 1;  // the next one must be faster
    }
    return found;
  }
  nn.optimizers = { roll, best };  // for the tests

  function show() {
    const here = best(name, condition, angle);
    if (along?.name !== name || along.condition !== condition)  // the same at every angle
      along = { name, condition, steps: (angle ? best(name, condition, 0) : here).steps };
    nn.setRadios("optimizer", name);
    find("angle").value = angle;
    find("degrees").textContent = `${angle}°`;
    find("steepness").value = CONDITIONS.indexOf(condition);
    find("condition").textContent = condition;
    find("rate").textContent = Number(here.rate.toPrecision(2));
    const turned = angle ? `turned by ${angle}°` : "along the axes";
    const other = angle ? ` Along the axes: ${along.steps}.` : "";
    nn.say(find("answer"), `${NAMES[name]}, condition number ${condition}, ${turned}: \
${here.steps} steps.${other}`);
    draw(here.path);
  }

  // In SVG, y grows downwards, and a turn to the left is a negative one. From line to line
  // the root of the height grows by the same; far along, a line lies outside.
  function draw(path) {
    const thin = `fill="none" vector-effect="non-scaling-stroke"`;
    const points = path.map(([x, y]) => `${x.toFixed(4)} ${(-y).toFixed(4)}`);
    const parts = [];
    for (let across = 0.25; across < 2.2; across += 0.25)
      parts.push(`<ellipse rx="${across}" ry="${across * Math.sqrt(condition)}" ${thin}
        transform="rotate(${-angle})" stroke="var(--pst-color-border)" stroke-width="2"/>`);
    parts.push(`<path d="M${points.join("L")}" ${thin} stroke="currentColor"
      stroke-width="0.6"/>`);
    for (const point of points.slice(0, 400)) {
      const [x, y] = point.split(" ");
      parts.push(`<circle cx="${x}" cy="${y}" r="0.012" fill="currentColor"/>`);
    }
    const [x, y] = points[0].split(" ");
    parts.push(`<circle cx="${x}" cy="${y}" r="0.05" fill="currentColor"/>`);
    const star = Array.from({ length: 10 }, (_, k) => {
      const [cos, sin] = direction(36 * k - 90), r = k % 2 ? 0.04 : 0.1;
      return `${(r * cos).toFixed(3)} ${(r * sin).toFixed(3)}`;
    });
    parts.push(`<path id="nn-star" d="M${star.join("L")}Z" fill="var(--pst-color-background)"
      stroke="currentColor" stroke-width="1.5" vector-effect="non-scaling-stroke"/>`);
    find("valley").innerHTML = parts.join("");
  }

  function change(changed) {
    ({ name = name, angle = angle, condition = condition } = changed);
    show();
    nn.remember({ optimizer: name, angle, condition });
  }
  find("steepness").max = CONDITIONS.length - 1;
  find("angle").oninput = (event) => change({ angle: Number(event.target.value) });
  find("steepness").oninput = (event) =>
    change({ condition: CONDITIONS[event.target.value] });
  nn.onRadios("optimizer", (value) => change({ name: value }));

  const asked = nn.settings();
  if (Object.hasOwn(NAMES, asked.optimizer)) name = asked.optimizer;
  angle = nn.whole(asked.angle, 0, 90) ?? angle;
  if (CONDITIONS.includes(Number(asked.condition))) condition = Number(asked.condition);
  show();
})();
