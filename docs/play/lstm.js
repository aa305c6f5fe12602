// lstm's page: 100 time steps, and one number to turn: the bias of the forget gates.
"use strict";
(() => {
  const weights = nn.load("lstm"), { find } = nn;
  const LETTERS = "KLMxyz?", biases = [...weights.biases.data];
  const [examples, T] = weights.examples.shape;
  const size = weights["0.0.memory.weight_hh_l0"].shape[1];  // numbers of the cell
  let now = { bias: 6, trained: 1, first: 0, example: 0, turn: 0, step: T };

  // The lesson's network reads a list of letters, as numbers. `turn` is added to all biases
  // of its forget gates. Of each time step: the cell, the state, and what the gates, on
  // average, have left of what the cell held after the first letter.
  function read(network, letters, turn) {
    const w = (name) => weights[`${network}.${name}`];
    const part = (x, k) => nn.tensor([size], x.data.subarray(k * size, (k + 1) * size));
    let h = nn.tensor([size]), c = nn.tensor([size]);
    let product = Float64Array.from({ length: size }, () => 1);
    const cells = [], states = [], left = [];
    letters.forEach((letter, t) => {
      const x = nn.tensor([LETTERS.length], [...LETTERS].map((_, i) => i === letter));
      const four = nn.add(nn.linear(x, w("memory.weight_ih_l0"), w("memory.bias_ih_l0")),
        nn.linear(h, w("memory.weight_hh_l0"), w("memory.bias_hh_l0")));
      const i = nn.sigmoid(part(four, 0)), g = nn.tanh(part(four, 2));
      const f = nn.sigmoid(nn.each(part(four, 1), (v) => v + turn));
      const o = nn.sigmoid(part(four, 3));
      c = nn.add(nn.multiply(f, c), nn.multiply(i, g));
      h = nn.multiply(o, nn.tanh(c));
      if (t) product = product.map((v, k) => v * f.data[k]);
      cells.push(c);
      states.push(h);
      left.push(product.reduce((sum, v) => sum + v, 0) / size);
    });
    const scores = nn.linear(h, w("head.weight"), w("head.bias"));
    return { cells, states, left, probabilities: nn.softmax(scores) };
  }
  nn.lstm = { read };  // for the tests

  const signed = (v) => `${v > 0 ? "+" : ""}${v}`.replace("-", "−");
  const small = (v) => v >= 0.001 ? v.toFixed(3)
    : `a number with ${Math.ceil(-Math.log10(v)) - 1} zeros behind the point`;

  function show() {
    const letters = [...nn.row(weights.examples, now.example).data];
    letters[0] = now.first;
    const network = `${now.bias}.${now.trained ? 200 : 0}`;
    const { cells, left, probabilities } = read(network, letters, now.turn);
    const p = [...probabilities.data], best = p.indexOf(Math.max(...p));
    for (const name of ["bias", "turn", "step"]) find(name).value = now[name];
    find("trained").checked = Boolean(now.trained);
    find("is-turn").textContent = signed(now.turn);
    find("read").textContent = letters.map((letter) => LETTERS[letter]).join(" ");
    nn.setBars(find("bars"), p);
    nn.say(find("answer"), `${LETTERS[now.first]} came first. The network says \
${LETTERS[best]}, ${nn.percent(p[best])}: ${best === now.first ? "right" : "wrong"}.`);
    nn.say(find("told"), `After time step ${now.step}, having read \
${LETTERS[letters[now.step - 1]]}: of what the cell held after the first letter, its forget \
gates have left ${small(left[now.step - 1])}.`);
    draw(cells);
  }

  // A column for each time step, a row for each number of the cell.
  function draw(cells) {
    const canvas = find("cells"), wide = canvas.width / T, high = canvas.height / size;
    const pen = canvas.getContext("2d");
    cells.forEach(({ data }, t) => {
      data.forEach((v, k) => {
        pen.fillStyle = nn.color(Math.tanh(v));
        pen.fillRect(t * wide, k * high, wide, high);
      });
    });
    pen.strokeStyle = "#0072b2";
    pen.lineWidth = 4;
    pen.strokeRect((now.step - 1) * wide, 2, wide, canvas.height - 4);
  }

  function change(changed) {
    now = { ...now, ...changed };
    show();
    nn.remember(now);
  }

  for (const bias of biases) find("bias").add(new Option(`a forget bias of ${bias}`, bias));
  [..."KLM"].forEach((letter, i) =>
    nn.addButton(find("letters"), letter, `Put ${letter} first`, () => change({ first: i })));
  nn.addBars(find("bars"), "KLM");
  find("others").onclick = () => change({ example: (now.example + 1) % examples });
  find("bias").onchange = (event) => change({ bias: Number(event.target.value) });
  find("trained").onchange = (event) => change({ trained: Number(event.target.checked) });
  for (const name of ["turn", "step"])
    find(name).oninput = (event) => change({ [name]: Number(event.target.value) });
  find("back").onclick = () => change({ turn: 0 });
  find("cells").onclick = (event) => {
    const box = find("cells").getBoundingClientRect();
    const step = Math.ceil(((event.clientX - box.left) / box.width) * T);
    change({ step: Math.min(Math.max(step, 1), T) });
  };

  const asked = nn.settings();
  if (biases.map(String).includes(asked.bias)) now.bias = Number(asked.bias);
  if (["0", "1"].includes(asked.trained)) now.trained = Number(asked.trained);
  now.first = nn.whole(asked.first, 0, 2) ?? now.first;
  now.example = nn.whole(asked.example, 0, examples - 1) ?? now.example;
  now.step = nn.whole(asked.step, 1, T) ?? now.step;
  const turn = Number(asked.turn || 0);
  if (Math.abs(turn) <= 8 && Number.isInteger(2 * turn)) now.turn = turn;
  find("step").max = T;
  show();
})();
