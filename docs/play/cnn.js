// cnn's page: draw a digit, see it read, and follow one kernel over the image.
"use strict";
(() => {
  const weights = nn.load("cnn"), find = (id) => document.getElementById(`nn-${id}`);
  const pen = find("draw").getContext("2d");
  const window5 = { row: 9, column: 9 };  // the upper left corner of the kernel's window
  let strokes = [], image = nn.tensor([1, 28, 28]), kernel = 0, map;

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
    const place = (point) =>
      point.map((v, k) => (v - (low[k] + high[k]) / 2) * scale[k] + 16);
    const large = nn.tensor([32, 32]);
    const placed = lines.map(([start, end]) => [place(start), place(end)]);
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
    const place = (pixel) => {  // between which two of the eight, and how far
      const at = Math.max(((pixel + 0.5) * 8) / 28 - 0.5, 0), first = Math.floor(at);
      return [first, Math.min(first + 1, 7), at - first];
    };
    const result = nn.tensor([1, 28, 28]);
    result.data.forEach((_, i) => {
      const [top, low, down] = place(Math.floor(i / 28));
      const [left, right, along] = place(i % 28);
      const row = (r) => (1 - along) * small(r, left) + along * small(r, right);
      result.data[i] = (1 - down) * row(top) + down * row(low);
    });
    return result;
  }

  // The lesson's ImageClassifierCNN.
  function network(x) {
    const map = nn.conv2d(x, weights["conv1.weight"], weights["conv1.bias"]);
    const layer1 = nn.maxPool(nn.relu(map));
    const second = nn.conv2d(layer1, weights["conv2.weight"], weights["conv2.bias"]);
    const layer2 = nn.maxPool(nn.relu(second));
    const scores = nn.linear(layer2, weights["classifier.weight"],
      weights["classifier.bias"]);
    return { map, layer1, layer2, probabilities: nn.softmax(scores) };
  }
  nn.cnn = { ink, network };  // for the tests

  function tell(text, probabilities) {
    nn.say(find("answer"), text);
    [...find("bars").children].forEach((bar, digit) => {
      const p = probabilities ? probabilities.data[digit] : 0;
      bar.style.setProperty("--p", p);
      bar.lastChild.textContent = probabilities ? `${(100 * p).toFixed(0)}%` : "";
    });
  }

  function read() {
    const found = network(image);
    const p = Array.from(found.probabilities.data), most = Math.max(...p);
    tell(`It reads ${p.indexOf(most)}, probability ${(100 * most).toFixed(0)}%.`,
      found.probabilities);
    map = nn.row(found.map, kernel);
    nn.paint(find("layer1"), found.layer1, 2);
    nn.paint(find("layer2"), found.layer2, 4);
    slide();
  }

  // The window at its place: 25 pixels, 25 weights, their products and the sum.
  function slide() {
    const { row, column } = window5, scale = 8;
    show(find("image"), image.data, 28, 1, [row, column, 5], scale);
    const most = Math.max(...map.data.map(Math.abs)) || 1;
    show(find("map"), map.data, 24, most, [row, column, 1], scale);
    const lines = [];
    for (let i = 0; i < 5; i++) {
      const cells = [];
      for (let j = 0; j < 5; j++) {
        const pixel = image.data[(row + i) * 28 + column + j];
        const weight = weights["conv1.weight"].data[kernel * 25 + i * 5 + j];
        cells.push(`<td><b>${(pixel * weight).toFixed(2)}</b><small>${pixel.toFixed(1)} ×
          ${weight.toFixed(2)}</small></td>`);
      }
      lines.push(`<tr>${cells.join("")}</tr>`);
    }
    find("products").innerHTML = lines.join("");
    const bias = weights["conv1.bias"].data[kernel], sum = map.data[row * 24 + column];
    nn.say(find("sum"), `pixel × weight, 25 times. Their sum ${(sum - bias).toFixed(2)}, \
plus the kernel's bias ${bias.toFixed(2)}: ${sum.toFixed(2)}`);
  }

  // Numbers as squares: black is `most`, and below 0 orange; a frame around the window.
  function show(canvas, data, side, most, [row, column, size], scale) {
    canvas.width = canvas.height = side * scale;
    const brush = canvas.getContext("2d");
    data.forEach((value, i) => {
      const grey = 255 * (1 - Math.min(Math.abs(value) / most, 1));
      brush.fillStyle = value < 0 ? `rgb(255, ${155 + grey * 0.39}, ${grey})`
        : `rgb(${grey}, ${grey}, ${grey})`;
      brush.fillRect((i % side) * scale, Math.floor(i / side) * scale, scale, scale);
    });
    brush.strokeStyle = "#0072b2";
    brush.lineWidth = 3;
    brush.strokeRect(column * scale, row * scale, size * scale, size * scale);
  }

  function move(row, column) {
    window5.row = Math.min(Math.max(row, 0), 23);
    window5.column = Math.min(Math.max(column, 0), 23);
    slide();
  }

  // Drawing.
  function draw() {
    pen.clearRect(0, 0, 280, 280);
    for (const stroke of strokes) {
      pen.beginPath();
      pen.moveTo(280 * stroke[0][0], 280 * stroke[0][1]);
      for (const [x, y] of stroke) pen.lineTo(280 * x, 280 * y);
      pen.stroke();
    }
    const seen = strokes.length ? ink(strokes) : null;
    if (seen) {
      image = seen;
      read();
    } else {
      tell(strokes.length ? "That is only a dot. Draw a large digit." : "Draw a digit.");
    }
  }

  function add(event) {
    const box = find("draw").getBoundingClientRect(), stroke = strokes.at(-1);
    const point = [(event.clientX - box.left) / box.width,
      (event.clientY - box.top) / box.height];
    const last = stroke.at(-1);
    if (last && Math.hypot(point[0] - last[0], point[1] - last[1]) < 0.01) return;
    if (strokes.flat().length < 2000) stroke.push(point);
    draw();
  }

  function take(digit) {
    find("kernel").value = kernel;
    strokes = [];
    draw();
    image = nn.row(weights.examples, digit);
    read();
    const small = document.createElement("canvas");
    nn.paint(small, image);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(small, 0, 0, 280, 280);
  }

  function choose(number) {
    kernel = number;
    map = nn.row(network(image).map, kernel);
    slide();
    nn.remember({ ...nn.settings(), kernel });
  }

  let finger = null;
  find("draw").onpointerdown = (event) => {
    if (finger !== null || strokes.flat().length >= 2000) return;
    find("draw").setPointerCapture((finger = event.pointerId));
    strokes.push([]);
    add(event);
  };
  find("draw").onpointermove = (event) => event.pointerId === finger && add(event);
  find("draw").onpointerup = find("draw").onpointercancel = () => { finger = null; };
  find("clear").onclick = () => {
    strokes = [];
    image = nn.tensor([1, 28, 28]);
    read();
    draw();
  };
  find("image").onpointermove = find("image").onpointerdown = (event) => {
    const box = find("image").getBoundingClientRect();
    move(Math.floor(((event.clientY - box.top) / box.height) * 28) - 2,
      Math.floor(((event.clientX - box.left) / box.width) * 28) - 2);
  };
  find("image").onkeydown = (event) => {
    const step = nn.arrow(event);  // down, right
    if (!step) return;
    move(window5.row + step[0], window5.column + step[1]);
  };

  Object.assign(pen, { lineWidth: 16, lineCap: "round", lineJoin: "round" });
  for (let digit = 0; digit < 10; digit++) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: digit });
    button.ariaLabel = `Take an unseen ${digit}`;
    button.onclick = () => { take(digit); nn.remember({ digit, kernel }); };
    find("examples").append(button, " ");
    find("bars").insertAdjacentHTML("beforeend", `<li>${digit}<i></i><b></b></li>`);
  }
  for (let number = 0; number < 16; number++) find("kernel").add(new Option(number + 1, number));
  find("kernel").onchange = (event) => choose(Number(event.target.value));
  const asked = nn.settings();
  const kernels = weights["conv1.bias"].data.length;
  if (/^\d+$/.test(asked.kernel) && asked.kernel < kernels) kernel = Number(asked.kernel);
  take(/^\d$/.test(asked.digit) ? Number(asked.digit) : 3);
})();
