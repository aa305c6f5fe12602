// diffusion's page: the walk from a noise to a datum, in as many moves as one likes.
"use strict";
(() => {
  const { find } = nn, tensors = nn.load("diffusion");
  const rows = (name) => Array.from({ length: tensors[name].shape[0] }, (_, i) =>
    [...nn.row(tensors[name], i).data]);
  const points = rows("points"), centres = rows("centres");
  const shares = [...tensors.shares.data], [WIDTH] = tensors.width.data;
  const MOVES = [1, 2, 3, 4, 5, 10, 20, 50, 100];
  const HEAPS = ["in the left heap", "in the right heap", "in the lower heap"];
  const WHERE = "in no heap, where hardly any data are";
  // The noise in tenths, counted from the corner at the lower left: 0 is -3, and 60 is 3.
  let moves = 1, across = 38, up = 26, who = "network";

  const layer = (x, name) => nn.linear(x, tensors[`${name}.weight`], tensors[`${name}.bias`]);
  const silu = (x) => nn.each(x, (v) => v / (1 + Math.exp(-v)));

  // What the clean point is, to the network, if t is the share of noise.
  function byNetwork(x, t) {
    const hidden = silu(layer(nn.tensor([3], [...x, t]), "first"));
    const arrow = layer(silu(layer(hidden, "second")), "third").data;
    return x.map((v, i) => v + t * arrow[i]);
  }

  // And what it is by the formula: each heap guesses, and the likely ones count more.
  function byFormula(x, t) {
    const a = 1 - t, variance = (a * WIDTH) ** 2 + t ** 2;
    const off = centres.map((centre) => x.map((v, i) => v - a * centre[i]));
    const scores = off.map(([dx, dy], k) =>
      Math.log(shares[k]) - (dx ** 2 + dy ** 2) / (2 * variance));
    const most = Math.max(...scores), weights = scores.map((score) => Math.exp(score - most));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return x.map((_, i) => weights.reduce((total, weight, k) => total
      + (weight / sum) * (centres[k][i] + (off[k][i] * a * WIDTH ** 2) / variance), 0));
  }
  const GUESSES = { network: byNetwork, formula: byFormula };

  // All places, from the noise on.
  function walk(x, moves, who) {
    const places = [x];
    for (let left = moves; left > 0; left--) {
      const guess = GUESSES[who](x, left / moves);
      x = x.map((v, i) => v + (guess[i] - v) / left);
      places.push(x);
    }
    return places;
  }
  nn.diffusion = {  // for the tests
    walk: (x, moves, who) => nn.tensor([moves + 1, 2], walk(x, moves, who).flat()),
    guess: (x, t, who) => nn.tensor([2], GUESSES[who](x, t)),
  };

  const heapOf = ([x, y]) =>
    centres.findIndex(([cx, cy]) => Math.hypot(x - cx, y - cy) < 3 * WIDTH);
  const shown = (place) => `(${place.map((v) => v.toFixed(2)).join(", ")})`;

  function show() {
    const noise = [(across - 30) / 10, (up - 30) / 10];
    const places = walk(noise, moves, who);
    const heap = heapOf(places.at(-1));
    for (const radio of document.getElementsByName("nn-guess"))
      radio.checked = radio.value === who;
    find("moves").value = MOVES.indexOf(moves);
    find("count").textContent = moves;
    ["across", "up"].forEach((name, i) => {
      find(name).value = find(`is-${name}`).textContent = noise[i].toFixed(1);
    });
    const many = moves === 1 ? "1 move" : `${moves} moves`;
    nn.say(find("answer"), `The ${who}, from the noise ${shown(places[0])} in ${many}: to \
${shown(places.at(-1))}, ${HEAPS[heap] ?? WHERE}.`);
    draw(places);
  }

  // In SVG, y grows downwards.
  function draw(places) {
    const at = ([x, y]) => `cx="${x.toFixed(3)}" cy="${(-y).toFixed(3)}"`;
    const ink = `fill="none" stroke="currentColor"`;
    const line = places.map(([x, y]) => `${x.toFixed(3)} ${(-y).toFixed(3)}`).join("L");
    const parts = points.map((point) => `<circle ${at(point)} r="0.03" class="nn-datum"
      fill="var(--pst-color-primary)"/>`);
    for (const centre of centres)
      parts.push(`<circle ${at(centre)} r="${3 * WIDTH}" ${ink} stroke-width="0.02"
        stroke-dasharray="0.08"/>`);
    parts.push(`<path id="nn-path" d="M${line}" ${ink} stroke-width="0.03"/>`);
    for (const place of places.slice(1, -1))
      parts.push(`<circle ${at(place)} r="0.04" fill="currentColor"/>`);
    parts.push(`<circle ${at(places[0])} r="0.1" ${ink} stroke-width="0.04"/>`);
    parts.push(`<circle ${at(places.at(-1))} r="0.1" fill="currentColor"/>`);
    find("plane").innerHTML = parts.join("");
  }

  function change(changed) {
    ({ moves = moves, across = across, up = up, who = who } = changed);
    show();
    nn.remember({ moves, across, up, who });
  }
  find("moves").max = MOVES.length - 1;
  find("moves").oninput = (event) => change({ moves: MOVES[event.target.value] });
  const tenths = (event) => Math.round(10 * event.target.value) + 30;
  find("across").oninput = (event) => change({ across: tenths(event) });
  find("up").oninput = (event) => change({ up: tenths(event) });
  for (const radio of document.getElementsByName("nn-guess"))
    radio.onchange = () => change({ who: radio.value });
  find("plane").onclick = (event) => {
    const box = find("plane").getBoundingClientRect();
    const tenth = (part) => Math.min(60, Math.max(0, Math.round(60 * part)));
    change({ across: tenth((event.clientX - box.left) / box.width),
      up: tenth((box.bottom - event.clientY) / box.height) });
  };

  const asked = nn.settings();
  if (MOVES.includes(Number(asked.moves))) moves = Number(asked.moves);
  across = nn.whole(asked.across, 0, 60) ?? across;
  up = nn.whole(asked.up, 0, 60) ?? up;
  if (Object.hasOwn(GUESSES, asked.who)) who = asked.who;
  show();
})();
