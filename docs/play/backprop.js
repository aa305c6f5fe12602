// backprop's page: a small graph, its values, and its gradients from the end.
"use strict";
(() => {
  const w = nn.load("backprop"), { find } = nn;
  // Each number that is computed: its name, the operation, of which numbers, and its place.
  const ENDS = { a: [84, 52], b: [84, 328] };
  const FORMULAS = {
    "(a · b + a) · b": [["c", "·", "ab", [242, 190]], ["d", "+", "ca", [400, 52]],
      ["y", "·", "db", [556, 190]]],
    "(a + b) · (a · b)": [["c", "+", "ab", [310, 52]], ["d", "·", "ab", [310, 328]],
      ["y", "·", "cd", [556, 190]]],
    "relu(a · b) + a": [["c", "·", "ab", [242, 190]], ["d", "relu", "c", [400, 328]],
      ["y", "+", "da", [556, 190]]],
  };
  const TITLES = Object.keys(FORMULAS), ALL = 3;  // three boxes hand something on
  let now = { formula: 0, a: w.values.data[0], b: w.values.data[1], at: 0, wrong: false };

  // The tape: each number with its value, its parents and the slopes on their arrows.
  function forward(title, a, b) {
    const tape = { a: { value: a, parents: [], slopes: [] },
      b: { value: b, parents: [], slopes: [] } };
    for (const [name, kind, of] of FORMULAS[title]) {
      const [x, z] = [...of].map((one) => tape[one].value);
      const [value, slopes] = { "·": [x * z, [z, x]], "+": [x + z, [1, 1]],
        relu: [Math.max(x, 0), [x > 0 ? 1 : 0]] }[kind];
      tape[name] = { value, slopes, parents: [...of] };
    }
    return tape;
  }

  // Gradients after so many boxes, from the end, have had their turn, and what the last handed
  // on. With the mistake, each part wipes out the one before.
  function backward(tape, turns, wrong) {
    const order = Object.keys(tape).reverse();
    let handed = [];
    for (const name of order) tape[name].gradient = Number(name === "y");
    for (const name of order.slice(0, turns)) {
      const { gradient, parents, slopes } = tape[name];
      handed = parents.map((to, i) => {
        const part = gradient * slopes[i];
        tape[to].gradient = wrong ? part : tape[to].gradient + part;
        return { name, to, part, gradient, slope: slopes[i] };
      });
    }
    return handed;
  }
  nn.backprop = { TITLES, forward, backward };  // for the tests

  const show = (v) => String(Number(v.toFixed(3)) || 0).replace("-", "−");
  const factor = (v) => v < 0 ? `(${show(v)})` : show(v);

  function read() {
    const title = TITLES[now.formula], tape = forward(title, now.a, now.b);
    const handed = backward(tape, now.at, now.wrong);
    find("formula").value = now.formula;
    for (const name of "ab") {
      find(name).value = now[name];
      find(`is-${name}`).textContent = show(now[name]);
    }
    find("wrong").checked = now.wrong;
    const parts = handed.map(({ to, part, gradient, slope }) =>
      `${factor(gradient)} · ${factor(slope)} = ${show(part)} to ${to}`);
    const [end_a, end_b] = [tape.a, tape.b].map(({ gradient }) => show(gradient));
    const turn = parts.length ? `${handed[0].name} has handed ${parts.join(", and ")}.`
      : "Nobody has had a turn yet; y has the gradient 1.";
    nn.say(find("says"), `y = ${show(tape.y.value)}. ${turn}${now.at === ALL
      ? ` All are done: a has the gradient ${end_a}, and b ${end_b}.` : ""}`);
    const nudged = (a, b) => (forward(title, a, b).y.value - tape.y.value) / 1e-3;
    find("check").textContent = now.at < ALL ? "" : `To check: with a nudge of 0.001, y grows \
${show(nudged(now.a + 1e-3, now.b))} times as much as a, and \
${show(nudged(now.a, now.b + 1e-3))} times as much as b.`;
    draw(title, tape);
  }

  // Boxes are 156 x 96. An arrow begins and ends where its line leaves the boxes.
  function draw(title, tape) {
    const steps = FORMULAS[title];
    const places = { ...ENDS }, says = { a: "a", b: "b" }, parts = [], slopes = [];
    for (const [name, kind, of, place] of steps) {
      places[name] = place;
      says[name] = `${name} = ${kind === "relu" ? `relu(${of})` : [...of].join(` ${kind} `)}`;
    }
    const leaves = ([x, y], [u, v], part = Math.min(82 / Math.abs(u - x), 52 / Math.abs(v - y))) =>
      [x + (u - x) * part, y + (v - y) * part];
    const done = Object.keys(tape).reverse().slice(0, now.at), last = done.at(-1);
    const text = (x, y, words, anchor = "middle") => nn.text(x, y, words, anchor, 20);
    for (const [name, , of] of steps)
      [...of].forEach((parent, i) => {
        const [x, y] = leaves(places[parent], places[name]);
        const [u, v] = leaves(places[name], places[parent]);
        const style = name === last ? `stroke="var(--pst-color-primary)" stroke-width="5"
          marker-start="url(#nn-head)"` : `stroke="currentColor" stroke-width="2"
          marker-end="url(#nn-head)"`;
        const anchor = { "-1": "end", 0: "middle", 1: "start" }[Math.sign(v - y)];
        parts.push(`<path d="M${x} ${y}L${u} ${v}" ${style}/>`);
        slopes.push(text(x + (u - x) * 0.3, y + (v - y) * 0.3 - 8,
          `×${factor(tape[name].slopes[i])}`, anchor));
      });
    parts.push(...slopes); // over all arrows
    for (const [name, [x, y]] of Object.entries(places)) {
      const held = name in ENDS ? `class="nn-held" data-name="${name}"` : "";
      const handed = name === "y" || done.some((one) => tape[one].parents.includes(name));
      parts.push(`<rect ${held} x="${x - 78}" y="${y - 48}" width="156" height="96" rx="10"
        fill="var(--pst-color-background)" stroke="currentColor"
        stroke-width="${name === last ? 5 : 2}"/>`,
      text(x, y - 20, says[name]), text(x, y + 7, `value ${show(tape[name].value)}`),
      text(x, y + 34, handed ? `gradient ${show(tape[name].gradient)}` : ""));
    }
    find("boxes").innerHTML = parts.join("");
    find("graph").ariaLabel = `The graph of y = ${title}: ${Object.keys(tape).map((name) =>
      `${name} = ${show(tape[name].value)}`).join(", ")}.`;
  }

  function change(changed) {
    now = { ...now, ...changed };
    read();
    nn.remember({ ...now, wrong: Number(now.wrong) });
  }
  TITLES.forEach((title, i) => find("formula").add(new Option(title, i)));
  find("formula").onchange = (event) => change({ formula: Number(event.target.value) });
  for (const name of "ab")
    find(name).oninput = ({ target }) => change({ [name]: Number(target.value) });
  find("step").onclick = () => change({ at: Math.min(now.at + 1, ALL) });
  for (const [id, at] of [["reset", 0], ["all", ALL]]) find(id).onclick = () => change({ at });
  find("wrong").onchange = (event) => change({ wrong: event.target.checked });

  // A box that is dragged: 16 units to the right are half more.
  let drag;
  const half = (v) => Math.min(Math.max(Math.round(2 * v) / 2, -5), 5);
  nn.drag(find("graph"), ({ target: { dataset: { name } }, clientX: x }) => {
    if (!name) return false;
    drag = { name, x, value: now[name] };
  }, ({ clientX }) => {
    const value = half(drag.value + (clientX - drag.x) * 20 / find("graph").clientWidth);
    if (value !== now[drag.name]) change({ [drag.name]: value });
  });

  const asked = nn.settings();
  for (const name of "ab")
    if (asked[name] && half(asked[name]) === Number(asked[name])) now[name] = half(asked[name]);
  now.formula = nn.whole(asked.formula, 0, TITLES.length - 1) ?? now.formula;
  now.at = nn.whole(asked.at, 0, ALL) ?? now.at;
  now.wrong = asked.wrong === "1";
  read();
})();
