// compare_blocks' page: how much of the gradient comes back through a stack of blocks.
"use strict";
(() => {
  const tables = nn.load("compare_blocks"), { find } = nn;
  const widths = [...tables.widths.data], deepest = tables["factor.plain"].data.length;
  const FIRST = {  // the first weights that each kind of block can have, and their stack
    plain: { pytorch: "plain", orthogonal: "plain_orthogonal" },
    residual: { pytorch: "residual", small: "residual_small" },
  };
  const WORDS = { pytorch: "as PyTorch draws them", orthogonal: "orthogonal",
    small: "divided by the root of L" };
  let depth = Math.round(deepest / 2), kind = "plain", first = "pytorch";
  let width = Math.max(...widths);

  // What the law predicts at the input and after each of so many blocks: the gradient
  // after block t has come back through depth - t blocks.
  function law(stack, depth) {
    const factor = tables[`factor.${stack}`].data[depth - 1];
    return Array.from({ length: depth + 1 }, (_, t) => factor ** ((depth - t) / 2));
  }

  // What was measured in each stack. The last blocks of a deep stack are a stack, too. Only
  // weights that are divided by the root of the depth are different for each depth: there,
  // the table has 2 numbers for one block, then 3 for two blocks, then 4 ...
  function measured(stack, width, depth) {
    const table = tables[`${stack}.${width}`];
    const start = stack === "residual_small" ? (depth * (depth + 1)) / 2 - 1 : deepest - depth;
    return Array.from({ length: table.shape[0] }, (_, seed) =>
      [...nn.row(table, seed).data.slice(start, start + depth + 1)]);
  }
  nn.compare_blocks = { law, measured };  // for the tests

  // 12, 0.5 and 1.2e-12, as PyTorch and Python write it.
  function short(v) {
    if (v >= 0.01 && v < 100) return `${Number(v.toPrecision(2))}`;
    const [digits, power] = v.toExponential(1).split("e");
    return `${digits}e${power[0]}${power.slice(1).padStart(2, "0")}`;
  }

  function show() {
    const stack = FIRST[kind][first];
    const predicted = law(stack, depth), lines = measured(stack, width, depth);
    find("depth").value = depth;
    find("blocks").textContent = depth;
    find("kind").value = kind;
    find("first").replaceChildren(...Object.keys(FIRST[kind]).map((name) =>
      new Option(WORDS[name], name, false, name === first)));
    find("width").value = width;
    const back = lines.map((line) => line[0]).sort((a, b) => a - b);
    nn.say(find("answer"), `Through ${depth} ${kind} block${depth > 1 ? "s" : ""} of ${width} \
numbers, weights ${WORDS[first]}: the law leaves ${short(predicted[0])} of the gradient. In \
${back.length} stacks, ${short(back[0])} to ${short(back.at(-1))} came back.`);
    for (const span of document.querySelectorAll("#nn-play [data-law]"))
      span.hidden = span.dataset.law !== stack;
    find("law").textContent = short(predicted[0]);
    draw(predicted, lines);
  }

  // The limits stay the same, so that one stack can be compared with another. The plot is
  // as wide as the page, so that its text keeps its size.
  function draw(predicted, lines) {
    const svg = find("plot"), wide = svg.clientWidth || 360;
    const [left, right, top, low] = [64, wide - 14, 34, 330], [least, most] = [-32, 8];
    const x = (t) => left + ((right - left) * t) / deepest;
    const y = (v) => low - ((low - top) * (Math.log10(v) - least)) / (most - least);
    const text = (x, y, anchor, words) => `<text x="${x}" y="${y}" font-size="15"
      text-anchor="${anchor}" fill="currentColor">${words}</text>`;
    const path = (points, style) => `<path d="M${points.join("L")}" fill="none" ${style}/>`;
    const thin = `stroke="var(--pst-color-primary)" stroke-width="1.5"`;
    const dashed = `stroke="currentColor" stroke-width="2.5" stroke-dasharray="9 6"`;
    const parts = [path([[left, 14], [left + 34, 14]], dashed),
      text(left + 40, 19, "start", "the law"),
      path([[left + 110, 14], [left + 144, 14]], thin),
      text(left + 150, 19, "start", "measured")];
    for (let power = least; power <= most; power += 8) {
      const at = y(10 ** power);
      parts.push(path([[left, at], [right, at]], `stroke="var(--pst-color-border)"`),
        text(left - 8, at + 5, "end", power ? short(10 ** power).replace(".0", "") : "1"));
    }
    for (let t = 0; t <= deepest; t += deepest / 4)
      parts.push(text(x(t), low + 20, "middle", t));
    parts.push(text((left + right) / 2, low + 42, "middle", "after block (0: at the input)"));
    for (const line of lines) parts.push(path(line.map((v, t) => [x(t), y(v)]), thin));
    parts.push(path(predicted.map((v, t) => [x(t), y(v)]), dashed),
      `<circle cx="${x(0)}" cy="${y(predicted[0])}" r="5" fill="currentColor"/>`);
    svg.innerHTML = parts.join("");
  }

  function change(changed) {
    ({ depth = depth, kind = kind, first = first, width = width } = changed);
    if (!(first in FIRST[kind])) first = "pytorch";  // the only one that both kinds have
    show();
    nn.remember({ depth, kind, first, width });
  }
  for (const number of widths) find("width").add(new Option(number, number));
  find("depth").max = deepest;
  find("depth").oninput = (event) => change({ depth: Number(event.target.value) });
  find("kind").onchange = (event) => change({ kind: event.target.value });
  find("first").onchange = (event) => change({ first: event.target.value });
  find("width").onchange = (event) => change({ width: Number(event.target.value) });

  const asked = nn.settings();
  depth = nn.whole(asked.depth, 1, deepest) ?? depth;
  if (Object.hasOwn(FIRST, asked.kind)) kind = asked.kind;
  if (Object.hasOwn(FIRST[kind], asked.first)) first = asked.first;
  if (widths.includes(Number(asked.width))) width = Number(asked.width);
  show();
  new ResizeObserver(show).observe(find("plot"));
})();
