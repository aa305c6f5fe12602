// rnn's page: type a sequence, and see what two networks still know of its beginning.
"use strict";
(() => {
  const weights = nn.load("rnn"), { find } = nn;
  const SYMBOLS = "KLM?", STARTS = ["uniform", "orthogonal"];
  const waits = [...weights.waits.data], longest = Math.max(...waits);
  const size = weights["uniform.0.b"].data.length;  // numbers in a state
  let symbols = "", trained = longest, step = longest;  // trained over 0 steps: not at all
  const taken = {};  // which example of each length comes next

  // The product of two matrices, row after row in a list: of 64 bits each, because what
  // is left of a nudge gets very small. Of a symmetric one, half has to be computed.
  function product(a, b, symmetric = false) {
    const c = new Float64Array(size * size);
    for (let i = 0; i < size; i++)
      for (let k = 0; k < size; k++) {
        const factor = a[i * size + k], end = symmetric ? i + 1 : size;
        for (let j = 0; j < end; j++) c[i * size + j] += factor * b[k * size + j];
      }
    if (symmetric)
      for (let i = 0; i < size; i++)
        for (let j = 0; j < i; j++) c[j * size + i] = c[i * size + j];
    return c;
  }

  function trace(a) {
    let sum = 0;
    for (let i = 0; i < size; i++) sum += a[i * size + i];
    return sum;
  }

  // The largest singular value: the most by which this matrix makes a vector longer.
  // A = J^T J is multiplied by itself, and the result too, again and again: in the end
  // there is only the direction that grows most, in each row.
  function most(jacobian) {
    const turned = jacobian.map((_, i) => jacobian[(i % size) * size + Math.floor(i / size)]);
    let power = product(turned, jacobian, true), left = 0;
    for (let squared = 0; squared < 13 && left < 1 - 1e-9; squared++) {
      const sum = trace(power);  // of its singular values; with this they sum to 1
      power = power.map((v) => v / sum);
      power = product(power, power, true);
      left = trace(power);  // the sum of their squares: 1 if there is only one
    }
    let best = 0;  // the longest row
    for (let i = 0; i < size; i++)
      if (power[i * size + i] > power[best * size + best]) best = i;
    const direction = power.slice(best * size, (best + 1) * size);
    const after = new Float64Array(size);
    jacobian.forEach((v, i) => { after[Math.floor(i / size)] += v * direction[i % size]; });
    return Math.hypot(...after) / Math.hypot(...direction);
  }

  // One time step of the lesson's SequenceClassifierRNN, and of its gradient_left. What
  // has been computed is kept: who types one more symbol waits for one more time step.
  const known = new Map();
  function after(network, read) {
    if (!read) {
      const jacobian = new Float64Array(size * size);
      for (let i = 0; i < size; i++) jacobian[i * size + i] = 1;
      return { state: nn.tensor([size]), jacobian };
    }
    const key = `${network} ${read}`;
    if (known.has(key)) return known.get(key);
    const old = after(network, read.slice(0, -1));
    const [W, U, b] = ["W", "U", "b"].map((name) => weights[`${network}.${name}`]);
    const x = nn.tensor([4], [...SYMBOLS].map((symbol) => symbol === read.at(-1)));
    const state = nn.tanh(nn.add(nn.linear(x, W, b), nn.linear(old.state, U)));
    const slope = (i) => 1 - state.data[i] ** 2;
    const one = Float64Array.from(U.data, (v, i) => slope(Math.floor(i / size)) * v);
    const jacobian = product(one, old.jacobian);
    const found = { state, jacobian, left: most(jacobian) };
    if (known.size > 1000) known.clear();  // some 30 MB
    known.set(key, found);
    return found;
  }

  // What the network makes of the whole sequence.
  function read(start, trained, sequence) {
    const network = `${start}.${trained}`, text = [...sequence];
    const steps = text.map((_, t) => after(network, sequence.slice(0, t + 1)));
    const scores = nn.linear(steps.at(-1).state, weights[`${network}.head.weight`],
      weights[`${network}.head.bias`]);
    return { states: steps.map(({ state }) => state), left: steps.map(({ left }) => left),
      probabilities: nn.softmax(scores) };
  }
  nn.rnn = { read };  // for the tests

  function show() {
    const sequence = `${symbols}?`, length = sequence.length;
    if (find("sequence").value !== symbols) find("sequence").value = symbols;
    find("trained").value = trained;
    Object.assign(find("step"), { max: length, value: step });
    const now = Number(find("step").value);  // not behind the end
    const said = [], left = {};
    for (const start of STARTS) {
      const found = read(start, trained, sequence), p = [...found.probabilities.data];
      const best = p.indexOf(Math.max(...p)), share = nn.percent(p[best]);
      const right = SYMBOLS[best] === symbols[0] ? "right" : "wrong";
      said.push(`The network from the ${start} start says ${SYMBOLS[best]}, ${share}: \
${right}.`);
      nn.setBars(find(`bars-${start}`), p);
      drawStates(find(`state-${start}`), found.states, sequence, now);
      find(`state-${start}`).ariaLabel = `${size} numbers of the state after each of \
${length} time steps, network from the ${start} start`;
      left[start] = found.left;
    }
    const counts = [..."KLM"].map((symbol) => symbols.split(symbol).length);
    if (trained && trained !== length)
      said.push(`They were trained over ${trained} time steps, and this has ${length}.`);
    else if (new Set(counts).size > 1)
      said.push("In training K, L and M stood equally often; here they do not.");
    nn.say(find("answer"), symbols ? `${symbols[0]} came first. ${said.join(" ")}`
      : "Type K, L or M.");
    drawLeft(left, now);
    const [u, o] = STARTS.map((start) => Number(left[start][now - 1].toPrecision(2)));
    const done = [...sequence.slice(0, now)].join(" ");
    nn.say(find("told"), `After time step ${now}, having read ${done}: \
the nudge is at most ${plain(u)} times as long from the uniform start, ${plain(o)} times \
from the orthogonal one.`);
  }

  // 0.0000038 and not 3.8e-6: the lesson prints it so.
  const plain = (v) => v < 0.01 ? v.toFixed(12).replace(/0+$/, "") : `${v}`;

  // A column for each time step. As wide as the page, so that text keeps its size.
  function drawStates(svg, states, sequence, now) {
    const wide = (svg.clientWidth || 360) / longest, high = 3;
    const parts = [`<rect width="${wide * states.length}" height="${high * size}"
      fill="white"/>`];
    states.forEach((state, t) => {
      state.data.forEach((v, i) => {
        parts.push(`<rect x="${t * wide}" y="${i * high}" width="${wide}" height="${high}"
          fill="${nn.color(v)}"/>`);
      });
      const weight = t + 1 === now ? "bold" : "normal";
      parts.push(`<text x="${(t + 0.5) * wide}" y="${high * size + 18}" font-size="15"
        font-family="monospace" font-weight="${weight}" text-anchor="middle"
        fill="currentColor">${sequence[t]}</text>`);
    });
    parts.push(`<rect x="${(now - 1) * wide + 1}" y="1" width="${wide - 2}"
      height="${high * size + 24}" fill="none" stroke="#0072b2" stroke-width="3"/>`);
    svg.innerHTML = `<g shape-rendering="crispEdges">${parts.join("")}</g>`;
  }

  // The share that is left, on a logarithmic axis that stays the same.
  function drawLeft(left, now) {
    const svg = find("left"), wide = svg.clientWidth || 360, right = 12, low = 235;
    const [first, bottom, top] = [96, -6, 3];  // where the axis begins; powers of ten
    const x = (t) => first + ((t - 0.5) * (wide - first - right)) / longest;
    const y = (v) => low - ((low - 30) * (Math.log10(v) - bottom)) / (top - bottom);
    const { text } = nn, parts = [text(wide / 2, low + 40, "time steps")];
    for (const power of [-6, -4, -2, 0, 2]) {
      const at = y(10 ** power);
      parts.push(text(first - 8, at + 5, plain(10 ** power), "end"),
        `<path d="M${first},${at}H${wide - right}" stroke="var(--pst-color-border)"/>`);
    }
    for (const t of [1, ...waits]) parts.push(text(x(t), low + 20, t));
    parts.push(`<path d="M${x(now)},30V${low}" stroke="currentColor" stroke-dasharray="2 4"/>`);
    STARTS.forEach((start, k) => {
      const color = k ? "var(--pst-color-primary)" : "currentColor";
      const line = `fill="none" stroke="${color}" stroke-width="2"
        stroke-dasharray="${k ? "7 4" : ""}"`;
      const mark = (x, y) => k
        ? `<rect x="${x - 4}" y="${y - 4}" width="8" height="8" fill="${color}"/>`
        : `<circle cx="${x}" cy="${y}" r="4" fill="${color}"/>`;
      const points = left[start].map((v, t) => [x(t + 1), y(v)]);
      parts.push(`<path d="M${points.join("L")}" ${line}/>`,
        ...points.map((point) => mark(...point)));
      const key = first + k * 110;  // the legend, above the plot
      parts.push(`<path d="M${key},12h26" ${line}/>`, mark(key + 13, 12),
        text(key + 32, 17, start, "start"));
    });
    svg.innerHTML = parts.join("");
  }

  function change(changed) {
    ({ symbols = symbols, trained = trained, step = step } = changed);
    show();
    nn.remember({ symbols, trained, step: find("step").value });
  }
  const only = (text) => text.toUpperCase().replace(/[^KLM]/g, "").slice(0, longest - 1);
  const example = (wait, number) => only(
    Array.from(nn.row(weights[`examples.${wait}`], number).data, (i) => SYMBOLS[i]).join(""));

  for (const symbol of "KLM") {
    nn.addButton(find("letters"), symbol, `Add ${symbol}`,
      () => change({ symbols: only(symbols + symbol), step: longest }));
  }
  for (const start of STARTS) nn.addBars(find(`bars-${start}`), "KLM");
  find("trained").add(new Option("before training", 0));
  for (const wait of waits) {
    find("trained").add(new Option(`trained over ${wait} time steps`, wait));
    nn.addButton(find("examples"), wait, `Take a sequence of ${wait} time steps`, () => {
      taken[wait] = (taken[wait] ?? -1) + 1;
      const number = taken[wait] % weights[`examples.${wait}`].shape[0];
      change({ symbols: example(wait, number), step: longest });
    });
  }
  find("back").onclick = () => change({ symbols: symbols.slice(0, -1), step: longest });
  find("swap").onclick = () => {  // it changes places with the next: K, L, M, and K again
    const next = [1, 2].map((k) => "KLM"[("KLM".indexOf(symbols[0]) + k) % 3]);
    const other = symbols.indexOf(next.find((symbol) => symbols.includes(symbol)));
    if (other > 0) change({ symbols: symbols[other] + symbols.slice(1, other) + symbols[0]
      + symbols.slice(other + 1) });
  };
  find("sequence").maxLength = longest - 1;
  find("sequence").oninput = (event) => {
    const typed = event.target.value, read = only(typed);
    change({ symbols: read, step: longest });
    if (read.length < typed.length)
      nn.say(find("answer"), `Only K, L and M are read. ${find("answer").textContent}`);
  };
  find("trained").onchange = (event) => change({ trained: Number(event.target.value) });
  find("step").oninput = (event) => change({ step: Number(event.target.value) });
  for (const start of STARTS)
    find(`state-${start}`).onclick = (event) => {
      const box = find(`state-${start}`).getBoundingClientRect();
      change({ step: Math.ceil(((event.clientX - box.left) / box.width) * longest) });
    };

  const asked = nn.settings();
  symbols = only(asked.symbols ?? "") || example(longest, 0);
  if ([0, ...waits].map(String).includes(asked.trained)) trained = Number(asked.trained);
  step = nn.whole(asked.step, 1, longest) ?? step;
  show();
  new ResizeObserver(show).observe(find("left"));  // the plots are as wide as the page
})();
