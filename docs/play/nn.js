// What the networks of these pages are computed with: the layers of the lessons, in plain
// JavaScript, and what every page shares. A plain script, not a module: a page that is
// opened from a disk may load it, too.
//
// A tensor is {shape, data}. Its numbers lie in one row, those of the last dimension side
// by side. There are no batches: one image, one sequence at a time.
"use strict";
const nn = { weights: {} };  // the files <lesson>.weights.js put theirs here, as base64

nn.tensor = (shape, data) => {
  const size = shape.reduce((product, length) => product * length, 1);
  return { shape, data: Float32Array.from(data ?? new Float32Array(size)) };
};

// The tensors of a lesson by their names, as docs/play/<lesson>.py has exported them.
nn.load = (lesson) => {
  const tensors = {};
  for (const [name, { shape, data }] of Object.entries(nn.weights[lesson])) {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    tensors[name] = { shape, data: new Float32Array(bytes.buffer) };
  }
  return tensors;
};

// Of a tensor of letters as numbers, a text for each row, without the blanks at its end.
nn.texts = (x) => Array.from({ length: x.shape[0] }, (_, i) =>
  String.fromCharCode(...nn.row(x, i).data).trimEnd());

// Row `index` of a tensor: of (N, A, B) it is (A, B).
nn.row = (x, index) => {
  const shape = x.shape.slice(1);
  const size = shape.reduce((product, length) => product * length, 1);
  return { shape, data: x.data.subarray(index * size, (index + 1) * size) };
};

// A function of each number.
nn.each = (x, f) => ({ shape: x.shape, data: x.data.map(f) });
nn.relu = (x) => nn.each(x, (v) => Math.max(v, 0));
nn.tanh = (x) => nn.each(x, Math.tanh);
nn.sigmoid = (x) => nn.each(x, (v) => 1 / (1 + Math.exp(-v)));

nn.add = (x, y) => ({ shape: x.shape, data: x.data.map((v, i) => v + y.data[i]) });
nn.multiply = (x, y) => ({ shape: x.shape, data: x.data.map((v, i) => v * y.data[i]) });

// Of a list of scores: the largest is subtracted, so that exp() stays finite.
nn.softmax = (x) => {
  const largest = Math.max(...x.data);
  const powers = Array.from(x.data, (v) => Math.exp(v - largest));
  const sum = powers.reduce((total, v) => total + v, 0);
  return nn.tensor(x.shape, powers.map((v) => v / sum));
};

// weight (O, I) times x (I), plus bias (O), as nn.Linear; without a bias, a matrix product.
nn.linear = (x, weight, bias) => {
  const [outputs, inputs] = weight.shape;
  const y = nn.tensor([outputs]);
  for (let o = 0; o < outputs; o++) {
    let sum = bias ? bias.data[o] : 0;
    for (let i = 0; i < inputs; i++) sum += weight.data[o * inputs + i] * x.data[i];
    y.data[o] = sum;
  }
  return y;
};

// x (C, H, W), weight (O, C, K, K), bias (O), as nn.Conv2d.
nn.conv2d = (x, weight, bias, stride = 1, padding = 0) => {
  const [channels, high, wide] = x.shape, [outputs, , size] = weight.shape;
  const rows = Math.floor((high + 2 * padding - size) / stride) + 1;
  const columns = Math.floor((wide + 2 * padding - size) / stride) + 1;
  const y = nn.tensor([outputs, rows, columns]);
  for (let o = 0; o < outputs; o++)
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) {
        let sum = bias.data[o];
        for (let k = 0; k < channels; k++)
          for (let i = 0; i < size; i++)
            for (let j = 0; j < size; j++) {
              const row = r * stride + i - padding, column = c * stride + j - padding;
              if (row < 0 || row >= high || column < 0 || column >= wide) continue;
              sum += x.data[(k * high + row) * wide + column]
                * weight.data[((o * channels + k) * size + i) * size + j];
            }
        y.data[(o * rows + r) * columns + c] = sum;
      }
  return y;
};

// The largest of each 2 x 2 numbers of x (C, H, W), as nn.MaxPool2d(2).
nn.maxPool = (x) => {
  const [channels, high, wide] = x.shape, rows = high >> 1, columns = wide >> 1;
  const y = nn.tensor([channels, rows, columns]);
  for (let k = 0; k < channels; k++)
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) {
        const first = (k * high + 2 * r) * wide + 2 * c;
        y.data[(k * rows + r) * columns + c] = Math.max(x.data[first],
          x.data[first + 1], x.data[first + wide], x.data[first + wide + 1]);
      }
  return y;
};

// A canvas with the maps of x (C, H, W) in `rows` rows; black is `most`, white is 0.
nn.paint = (canvas, x, rows = 1, most = Math.max(...x.data) || 1) => {
  const [maps, high, wide] = x.shape, columns = maps / rows;
  canvas.width = columns * (wide + 1) - 1;
  canvas.height = rows * (high + 1) - 1;
  const picture = new ImageData(canvas.width, canvas.height);
  x.data.forEach((value, i) => {
    const map = Math.floor(i / wide / high), grey = 255 * (1 - value / most);
    const column = (map % columns) * (wide + 1) + (i % wide);
    const row = Math.floor(map / columns) * (high + 1) + (Math.floor(i / wide) % high);
    picture.data.set([grey, grey, grey, 255], 4 * (row * canvas.width + column));
  });
  canvas.getContext("2d").putImageData(picture, 0, 0);
};

// What the address says after #, as in page.html#depth=50&kind=plain, and how to say it
// there: who opens the same address sees the same.
nn.settings = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
// A whole number that the address may say; null for anything else.
nn.whole = (text, least, most) =>
  /^\d+$/.test(text) && text >= least && text <= most ? Number(text) : null;
// Browsers refuse a page that changes its address too often, as while one drags: then it
// is tried once more when the hand rests.
nn.remember = (settings) => {
  const text = `#${new URLSearchParams(settings)}`;
  clearTimeout(nn.later);
  try { history.replaceState(null, "", text); } catch { /* refused, as in Safari */ }
  if (location.hash !== text) nn.later = setTimeout(() => nn.remember(settings), 1000);
};

// An element of the page, by its id without the "nn-" before it.
nn.find = (id) => document.getElementById(`nn-${id}`);

// A list of bars, one for each name; and how long each is: its probability. Without
// probabilities they are empty.
nn.addBars = (list, names) => {
  for (const name of names)
    list.insertAdjacentHTML("beforeend", `<li>${name}<i></i><b></b></li>`);
};
nn.setBars = (list, probabilities) => {
  [...list.children].forEach((bar, i) => {
    bar.style.setProperty("--p", probabilities?.[i] ?? 0);
    bar.lastChild.textContent = probabilities ? nn.percent(probabilities[i]) : "";
  });
};
nn.percent = (p) => `${(100 * p).toFixed(0)}%`;

// A button that says `text`, and to who only hears it, `label`.
nn.addButton = (parent, text, label, act) => {
  const button = Object.assign(document.createElement("button"), { type: "button",
    textContent: text, ariaLabel: label, onclick: act });
  parent.append(button, " ");
};

// A number from -1 to 1 as a color: 1 is black, 0 white, and below 0 it is orange.
nn.color = (v) => {
  const grey = Math.round(255 * (1 - Math.min(Math.abs(v), 1)));
  return v < 0 ? `rgb(255,${Math.round(155 + grey * 0.39)},${grey})`
    : `rgb(${grey},${grey},${grey})`;
};

// Words in a picture.
nn.text = (x, y, words, anchor = "middle", size = 16) => `<text x="${x}" y="${y}"
  font-size="${size}" text-anchor="${anchor}" fill="currentColor">${words}</text>`;

// What follows a finger, or a pressed mouse: only the first one, and until it leaves. Where
// `start` answers false, nothing is grabbed.
nn.drag = (element, start, move) => {
  let finger = null;
  element.onpointerdown = (event) => {
    if (finger !== null || start(event) === false) return;
    element.setPointerCapture((finger = event.pointerId));
  };
  element.onpointermove = (event) => event.pointerId === finger && move(event);
  element.onpointerup = element.onpointercancel = () => { finger = null; };
};

// Radio buttons of this name: which one is on, and what happens when another is chosen.
nn.radios = (name) => document.getElementsByName(`nn-${name}`);
nn.setRadios = (name, value) => {
  for (const radio of nn.radios(name)) radio.checked = radio.value === value;
};
nn.onRadios = (name, act) => {
  for (const radio of nn.radios(name)) radio.onchange = () => act(radio.value);
};

// A line that is read aloud when it changes, and only then.
nn.say = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

// Of an arrow key, [down, right] in steps, and the page stays where it is; null for any
// other key, and where a second key makes it the browser's own, as Alt and left.
nn.arrow = (event) => {
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1],
    ArrowRight: [0, 1] };
  if (!(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return null;
  event.preventDefault();
  return steps[event.key];
};
