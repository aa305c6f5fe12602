// cnn's page: draw a digit, see three networks read it, and follow a kernel over the image.
"use strict";
(() => {
  const weights = nn.load("cnn"), { find } = nn;
  const pen = find("draw").getContext("2d");
  let strokes = [], digit = null;  // what is drawn; or which example is taken
  let image, kernel, map;
  // Where the window is, of 24 x 24 places row by row, and how many the map shows.
  let place = 9 * 24 + 9, filled = 24 * 24, timer = null;

  // Strokes, lists of points [x, y] in [0, 1], as an image like the small digits: 32 high,
  // 20 wide, and in each block of 4 x 4 pixels the ink is counted. As lab/pad.py does it.
  function ink(strokes) {
    const lines = strokes.flatMap((stroke) =>
      stroke.map((end, i) => [stroke[Math.max(i - 1, 0)], end]));
    const points = lines.flat(), low = [], high = [];
    for (const k of [0, 1]) {
      low.push(Math.min(...points.map((point) => point[k])));
      high.push(Math.max(...points.map((point) => point[k])));
    }
    const longest = Math.max(high[0] - low[0], high[1] - low[1]);
    if (longest < 0.05) return null;  // only a dot
    const fit = (k, box) => (box - 5.5) / Math.max(high[k] - low[k], longest / 4);
    const scale = [Math.min(fit(0, 20), fit(1, 32)), fit(1, 32)];
    const fitted = (point) =>
      point.map((v, k) => (v - (low[k] + high[k]) / 2) * scale[k] + 16);
    const large = nn.tensor([32, 32]);
    const placed = lines.map(([start, end]) => [fitted(start), fitted(end)]);
    large.data.forEach((_, i) => {
      const x = (i % 32) + 0.5, y = Math.floor(i / 32) + 0.5;
      let nearest = Infinity;
      for (const [[x1, y1], [x2, y2]] of placed) {
        const [dx, dy] = [x2 - x1, y2 - y1], long = Math.max(dx * dx + dy * dy, 1e-9);
        const part = ((x - x1) * dx + (y - y1) * dy) / long;
        const t = Math.min(Math.max(part, 0), 1);
        nearest = Math.min(nearest, Math.hypot(x - x1 - t * dx, y - y1 - t * dy));
      }
      large.data[i] = Math.min(Math.max(5.5 / 2 + 0.5 - nearest, 0), 1);
    });
    return enlarge(large);
  }

  // 32 x 32 pixels to the mean of each 4 x 4, and these 8 x 8 in between: 28 x 28.
  function enlarge(large) {
    const small = (row, column) => {
      let sum = 0;
      for (let i = 0; i < 16; i++)
        sum += large.data[(4 * row + (i >> 2)) * 32 + 4 * column + (i % 4)];
      return sum / 16;
    };
    const between = (pixel) => {  // between which two of the eight, and how far
      const at = Math.max(((pixel + 0.5) * 8) / 28 - 0.5, 0), first = Math.floor(at);
      return [first, Math.min(first + 1, 7), at - first];
    };
    const result = nn.tensor([1, 28, 28]);
    result.data.forEach((_, i) => {
      const [top, low, down] = between(Math.floor(i / 28));
      const [left, right, along] = between(i % 28);
      const row = (r) => (1 - along) * small(r, left) + along * small(r, right);
      result.data[i] = (1 - down) * row(top) + down * row(low);
    });
    return result;
  }

  // The lesson's ImageClassifierCNN, with the weights whose names begin so.
  function network(x, name = "") {
    const layer = (part) => [weights[`${name}${part}.weight`], weights[`${name}${part}.bias`]];
    const map = nn.conv2d(x, ...layer("conv1"));
    const layer1 = nn.maxPool(nn.relu(map));
    const layer2 = nn.maxPool(nn.relu(nn.conv2d(layer1, ...layer("conv2"))));
    const scores = nn.linear(layer2, ...layer("classifier"));
    return { map, layer1, layer2, probabilities: nn.softmax(scores) };
  }

  // The lesson's make_mlp and shuffle_pixels.
  function mlp(x) {
    const middle = nn.linear(x, weights["mlp.1.weight"], weights["mlp.1.bias"]);
    return nn.softmax(nn.linear(nn.relu(middle), weights["mlp.3.weight"],
      weights["mlp.3.bias"]));
  }
  const shuffle = (x) => nn.tensor(x.shape, weights.order.data.map((place) => x.data[place]));
  nn.cnn = { ink, network, mlp, shuffle };  // for the tests

  function reads(probabilities) {
    const p = [...probabilities.data], most = Math.max(...p);
    return `reads ${p.indexOf(most)}, probability ${nn.percent(most)}`;
  }

  // A new image. What the networks say of it; or, if there is nothing to read, why not.
  function look(newImage, why) {
    image = newImage;
    const found = network(image), shuffled = shuffle(image);
    const others = `The MLP ${reads(mlp(image))}. The CNN for shuffled pixels \
${reads(network(shuffled, "shuffled.").probabilities)}.`;
    nn.say(find("answer"), why ?? `It ${reads(found.probabilities)}.`);
    nn.say(find("others"), why ? "" : others);
    nn.setBars(find("bars"), why ? null : found.probabilities.data);
    nn.paint(find("shuffled"), shuffled, 1, 1);
    nn.paint(find("layer1"), found.layer1, 2);
    nn.paint(find("layer2"), found.layer2, 4);
    choose(kernel);
  }
  function choose(number) {
    kernel = number;
    map = nn.row(network(image).map, kernel);
    find("kernel").value = kernel;
    slide();
  }

  const rounded = (v) => (Math.abs(v) < 0.005 ? 0 : v).toFixed(2);  // no -0.00

  // The window at its place: 25 pixels, 25 weights, their products and the sum.
  function slide() {
    const row = Math.floor(place / 24), column = place % 24;
    show(find("image"), image.data, 28, 1, [row, column, 5]);
    const most = Math.max(...map.data.map(Math.abs)) || 1;
    show(find("map"), map.data.subarray(0, filled), 24, most, [row, column, 1]);
    const lines = [];
    for (let i = 0; i < 5; i++) {
      const cells = [];
      for (let j = 0; j < 5; j++) {
        const pixel = image.data[(row + i) * 28 + column + j];
        const weight = weights["conv1.weight"].data[kernel * 25 + i * 5 + j];
        cells.push(`<td><b>${rounded(pixel * weight)}</b><small>${pixel.toFixed(1)} ×
          ${rounded(weight)}</small></td>`);
      }
      lines.push(`<tr>${cells.join("")}</tr>`);
    }
    find("products").innerHTML = lines.join("");
    const bias = weights["conv1.bias"].data[kernel], sum = map.data[place];
    nn.say(find("sum"), `pixel × weight, 25 times. Their sum ${(sum - bias).toFixed(3)}, \
plus the kernel's bias ${bias.toFixed(3)}: ${sum.toFixed(3)}`);
  }

  // Numbers as squares, and a frame around the window. What is not computed yet is grey.
  function show(canvas, data, side, most, [row, column, size]) {
    const scale = 8, brush = canvas.getContext("2d");
    canvas.width = canvas.height = side * scale;
    brush.fillStyle = "#c8c8c8";
    brush.fillRect(0, 0, canvas.width, canvas.height);
    data.forEach((value, i) => {
      brush.fillStyle = nn.color(value / most);
      brush.fillRect((i % side) * scale, Math.floor(i / side) * scale, scale, scale);
    });
    brush.strokeStyle = "#0072b2";
    brush.lineWidth = 3;
    brush.strokeRect(column * scale, row * scale, size * scale, size * scale);
  }

  // The window by hand: the whole map is there. Or by itself, from place to place: the map
  // fills in. Who wants no motion sees it filled at once, or goes step by step.
  function move(row, column) {
    pause();
    const inside = (v) => Math.min(Math.max(v, 0), 23);
    place = 24 * inside(row) + inside(column);
    filled = 576;
    slide();
  }
  function step() {
    place = filled === 576 ? 0 : filled;
    filled = place + 1;
    slide();
    if (filled === 576) pause();
  }
  function pause() {
    clearInterval(timer);
    timer = null;
    find("play-it").textContent = "Slide it over the image";
    find("sum").ariaLive = "polite";
  }
  function play() {
    if (timer) return pause();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return move(23, 23);
    timer = setInterval(step, 30);
    find("play-it").textContent = "Pause";
    find("sum").ariaLive = "off";  // nobody wants to hear 576 sums
  }

  // Drawing. The address keeps it: a stroke is a row of points, each with two digits to the
  // right and two down.
  function draw() {
    pen.clearRect(0, 0, 280, 280);
    for (const stroke of strokes) {
      pen.beginPath();
      pen.moveTo(280 * stroke[0][0], 280 * stroke[0][1]);
      for (const [x, y] of stroke) pen.lineTo(280 * x, 280 * y);
      pen.stroke();
    }
    const seen = strokes.length ? ink(strokes) : null;
    look(seen ?? nn.tensor([1, 28, 28]), seen ? undefined : strokes.length
      ? "That is only a dot. Draw a large digit." : "Draw a digit.");
  }
  const two = (v) => String(Math.round(99 * v)).padStart(2, "0");
  const written = () =>
    strokes.map((stroke) => stroke.flat().map(two).join("")).join("-");
  function readStrokes(text) {
    return text.split("-").map((stroke) => stroke.match(/..../g).map((point) =>
      [point.slice(0, 2) / 99, point.slice(2) / 99]));
  }
  function remember() {
    nn.remember(strokes.length ? { drawn: written(), kernel }
      : digit === null ? { kernel } : { digit, kernel });
  }

  function add(event) {
    const box = find("draw").getBoundingClientRect(), stroke = strokes.at(-1);
    const inside = (v) => Math.round(99 * Math.min(Math.max(v, 0), 1)) / 99;
    const point = [inside((event.clientX - box.left) / box.width),
      inside((event.clientY - box.top) / box.height)];
    if (stroke.length && stroke.at(-1).join() === point.join()) return;
    if (strokes.flat().length < 2000) stroke.push(point);
    draw();
    remember();
  }

  function take(number) {
    digit = number;
    strokes = [];
    look(nn.row(weights.examples, digit));
    const small = document.createElement("canvas");
    nn.paint(small, image);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(small, 0, 0, 280, 280);
  }

  nn.drag(find("draw"), (event) => {
    if (strokes.flat().length >= 2000) return false;
    digit = null;
    strokes.push([]);
    add(event);
  }, add);
  find("clear").onclick = () => {
    digit = null;
    strokes = [];
    draw();
    remember();
  };
  find("image").onpointermove = find("image").onpointerdown = (event) => {
    if (timer && event.type === "pointermove") return;  // it slides by itself
    const box = find("image").getBoundingClientRect();
    move(Math.floor(((event.clientY - box.top) / box.height) * 28) - 2,
      Math.floor(((event.clientX - box.left) / box.width) * 28) - 2);
  };
  find("image").onkeydown = (event) => {
    const arrow = nn.arrow(event);  // down, right
    if (arrow) move(Math.floor(place / 24) + arrow[0], (place % 24) + arrow[1]);
  };
  find("play-it").onclick = play;
  find("step").onclick = () => { pause(); step(); };
  find("kernel").onchange = (event) => { choose(Number(event.target.value)); remember(); };

  Object.assign(pen, { lineWidth: 16, lineCap: "round", lineJoin: "round" });
  for (let number = 0; number < 10; number++)
    nn.addButton(find("examples"), number, `Take an unseen ${number}`, () => {
      take(number);
      remember();
    });
  nn.addBars(find("bars"), Array(10).keys());
  const kernels = weights["conv1.bias"].data.length;
  for (let number = 0; number < kernels; number++)
    find("kernel").add(new Option(number + 1, number));
  const asked = nn.settings();
  kernel = nn.whole(asked.kernel, 0, kernels - 1) ?? 0;
  if (/^(\d{4})+(-(\d{4})+)*$/.test(asked.drawn)) {
    strokes = readStrokes(asked.drawn);
    draw();
  } else take(nn.whole(asked.digit, 0, 9) ?? 3);
})();
