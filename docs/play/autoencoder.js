// autoencoder's page: a finger on the map of codes, and the decoder draws.
"use strict";
(() => {
  const tensors = nn.load("autoencoder"), { find } = nn;
  const [digits, size] = tensors.codes.shape, [high] = tensors.enlarge.shape;
  const asImage = ({ data }) => ({ shape: [1, high, high], data });

  // The share of a normal distribution below v, as GELU needs it. The sum is the series of
  // the error function: all its terms are positive, so nothing is lost in rounding.
  function below(v) {
    const z = Math.min(Math.abs(v) / Math.SQRT2, 6);  // beyond 6 nothing is left
    let term = z, sum = 0;
    for (let n = 1; term > 1e-12 * sum; n++) {
      sum += term;
      term *= (2 * z * z) / (2 * n + 1);
    }
    const half = (sum * Math.exp(-z * z)) / Math.sqrt(Math.PI);
    return v < 0 ? 0.5 - half : 0.5 + half;
  }
  const gelu = (x) => nn.each(x, (v) => v * below(v));

  // The decoder of the lesson's SimpleAutoencoder: two numbers in, an image out.
  function decode(code) {
    const middle = gelu(nn.linear(code, tensors["decoder.0.weight"],
      tensors["decoder.0.bias"]));
    return asImage(nn.linear(middle, tensors["decoder.2.weight"],
      tensors["decoder.2.bias"]));
  }

  // An unseen digit: its 8 x 8 pixels enlarged, as the lesson does it, in rows, then in
  // columns.
  function digit(index) {
    const small = nn.row(tensors.small, index), [wide] = small.shape;
    const row = (r) => nn.linear(nn.row(small, r), tensors.enlarge).data;  // (28)
    const rows = Array.from({ length: wide }, (_, r) => row(r));
    const image = nn.tensor([1, high, high]);
    for (let column = 0; column < high; column++) {
      const along = nn.tensor([wide], rows.map((numbers) => numbers[column]));
      nn.linear(along, tensors.enlarge).data.forEach((v, r) => {
        image.data[r * high + column] = v;
      });
    }
    return image;
  }

  // PCA's code of an image, and the image rebuilt from it: the lesson's rebuild_with_pca.
  function pca(image) {
    const code = nn.tensor([size]);
    image.data.forEach((v, i) => {
      for (let k = 0; k < size; k++)
        code.data[k] += (v - tensors.mean.data[i]) * tensors.directions.data[i * size + k];
    });
    return asImage(nn.linear(code, tensors.directions, tensors.mean));
  }

  const error = (x, y) =>
    x.data.reduce((sum, v, i) => sum + (v - y.data[i]) ** 2, 0) / x.data.length;
  const mix = (x, y, part) =>
    ({ shape: x.shape, data: x.data.map((v, i) => (1 - part) * v + part * y.data[i]) });
  const codeOf = (index) => nn.row(tensors.codes, index);
  function nearest([x, y]) {
    const far = Array.from({ length: digits }, (_, index) => {
      const [a, b] = codeOf(index).data;
      return Math.hypot(a - x, b - y);
    });
    return far.indexOf(Math.min(...far));
  }
  nn.autoencoder = { decode, digit, pca, nearest };  // for the tests

  // The map: a square with all codes in it, one unit equally long both ways. Its places
  // are percentages, so that the characters stay readable on a phone.
  const axis = (k) => Array.from({ length: digits }, (_, index) => codeOf(index).data[k]);
  const ends = [0, 1].map((k) => [Math.min(...axis(k)), Math.max(...axis(k))]);
  const side = 1.08 * Math.max(...ends.map(([low, top]) => top - low));
  const low = ends.map(([least, most]) => (least + most - side) / 2);
  const across = (x) => (100 * (x - low[0])) / side;
  const down = (y) => 100 - (100 * (y - low[1])) / side;
  const round = (v) => Math.round(100 * v) / 100;  // as many places as are shown
  const svg = (name, attributes, parent = find("codes")) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return parent.appendChild(element);
  };
  const line = svg("line", { stroke: "currentColor", "stroke-dasharray": "6 4" });
  const characters = Array.from({ length: digits }, (_, index) => {
    const [x, y] = codeOf(index).data;
    const character = svg("text", { x: `${across(x)}%`, y: `${down(y)}%`,
      fill: "currentColor", "font-size": 14, "text-anchor": "middle",
      "dominant-baseline": "central" });
    character.textContent = tensors.labels.data[index];
    return character;
  });
  const ring = svg("svg", { overflow: "visible" });
  for (const [stroke, width] of [["var(--pst-color-background)", 7],
    ["var(--pst-color-primary)", 4]])
    svg("circle", { r: 16, fill: "none", stroke, "stroke-width": width }, ring);

  // What can be set: the ring's place, two digits from 0 to 9, how far from one to the
  // other in percent.
  const state = { x: 0, y: 0, from: 6, to: 0, walk: 50 };
  const number = (v) => v.toFixed(2);
  const example = (kind) => tensors.labels.data.indexOf(kind);
  let bold = characters[0];

  function show() {
    const { x, y } = state, image = decode(nn.tensor([size], [x, y]));
    nn.paint(find("drawn"), image, 1, 1);
    ring.setAttribute("x", `${across(x)}%`);
    ring.setAttribute("y", `${down(y)}%`);
    const index = nearest([x, y]), kind = tensors.labels.data[index];
    bold.removeAttribute("style");
    bold = characters[index];
    bold.style = `font-weight: bold; font-size: 24px; paint-order: stroke;
      stroke-width: 6px; stroke: var(--pst-color-background)`;
    ring.before(bold);  // over the others
    const there = digit(index), ours = decode(codeOf(index)), flat = pca(there);
    nn.say(find("place"), `${number(x)} and ${number(y)} draw this. Nearest digit: ${kind}.`);
    nn.paint(find("digit"), there, 1, 1);
    nn.paint(find("ours"), ours, 1, 1);
    nn.paint(find("pca"), flat, 1, 1);
    nn.say(find("kind"), `an unseen ${kind}`);
    nn.say(find("error"), `network: error ${error(ours, there).toFixed(4)}`);
    nn.say(find("pca-error"), `PCA: error ${error(flat, there).toFixed(4)}`);

    const [start, end] = [example(state.from), example(state.to)];
    const part = state.walk / 100, [a, b] = [codeOf(start), codeOf(end)];
    nn.paint(find("start"), digit(start), 1, 1);
    nn.paint(find("end"), digit(end), 1, 1);
    nn.paint(find("walked"), decode(mix(a, b, part)), 1, 1);
    nn.paint(find("mixed"), mix(digit(start), digit(end), part), 1, 1);
    find("far").textContent = `${state.walk} %`;
    Object.entries({ x1: across(a.data[0]), y1: down(a.data[1]), x2: across(b.data[0]),
      y2: down(b.data[1]) }).forEach(([key, v]) => line.setAttribute(key, `${v}%`));
  }

  function move(x, y) {
    const inside = (v, k) => round(Math.min(Math.max(v, low[k]), low[k] + side));
    Object.assign(state, { x: inside(x, 0), y: inside(y, 1) });
    show();
  }

  // The ring to where the walk has come.
  function walk() {
    const ends = [state.from, state.to].map((kind) => codeOf(example(kind)));
    move(...mix(...ends, state.walk / 100).data);
  }

  function follow(event) {
    const box = find("codes").getBoundingClientRect();
    move(low[0] + (side * (event.clientX - box.left)) / box.width,
      low[1] + (side * (box.bottom - event.clientY)) / box.height);
    nn.remember(state);
  }
  nn.drag(find("codes"), follow, follow);
  find("codes").onkeydown = (event) => {
    const step = nn.arrow(event);  // down, right
    if (!step) return;
    move(state.x + step[1] / 10, state.y - step[0] / 10);
    nn.remember(state);
  };

  const asked = nn.settings();
  for (const name of ["from", "to"]) {
    for (let kind = 0; kind < 10; kind++) find(name).add(new Option(kind, kind));
    state[name] = nn.whole(asked[name], 0, 9) ?? state[name];
  }
  state.walk = nn.whole(asked.walk, 0, 100) ?? state.walk;
  for (const name of ["from", "to", "walk"]) {
    find(name).value = state[name];
    find(name).oninput = (event) => {
      state[name] = Number(event.target.value);
      walk();
      nn.remember(state);
    };
  }
  walk();
  const place = [asked.x, asked.y].map((text) => (text ? Number(text) : NaN));
  if (place.every(Number.isFinite)) move(...place);
})();
