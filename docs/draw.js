// The pad on the cnn page: strokes go in, the exported network answers, it is shown.
import pad from "./pad.js";

const page = document.querySelector("#nn-pad");
const [told, bars] = [page.querySelector("p"), page.querySelector("ol")];
const hint = "Draw a digit, a large one, with mouse or finger.";
let network, next = null, busy = false;

async function load() {  // 14 MB, so only for a reader who draws
  const ort = await import("./ort.js");
  ort.env.wasm.numThreads = 1;  // more would need headers that few servers send
  const file = new URL("network.onnx", import.meta.url).href;
  return [ort, await ort.InferenceSession.create(file)];
}

// The same lines as `fit` of lab/pad.py makes: a stroke's first one has no length.
export async function run(strokes) {
  const [ort, session] = await (network ??= load());
  const lines = strokes.flatMap((stroke) =>
    stroke.flatMap((end, i) => [...stroke[Math.max(i - 1, 0)], ...end]));
  const shape = [lines.length / 4, 4];
  return session.run({ lines: new ort.Tensor("float32", lines, shape) });
}

function tell(text, answer) {
  if (told.textContent !== text) told.textContent = text;  // it is read aloud
  page.classList.toggle("nn-pad-answered", Boolean(answer));
  [...bars.children].forEach((bar, digit) => {
    const p = answer?.probabilities.data[digit];
    bar.style.setProperty("--p", p ?? 0);
    bar.lastChild.textContent = answer ? `${(100 * p).toFixed(0)}%` : "";
  });
  const seen = answer && [answer.image, answer.layer1, answer.layer2];
  if (seen) page.querySelectorAll("figure canvas").forEach((c, i) => tiles(c, seen[i]));
}

// As in the lesson's picture: four rows, black is the layer's largest value.
function tiles(canvas, { data, dims: [, maps, high, wide] }) {
  const rows = Math.min(4, maps), columns = maps / rows, most = Math.max(...data) || 1;
  canvas.width = columns * (wide + 1) - 1;
  canvas.height = rows * (high + 1) - 1;
  const picture = new ImageData(canvas.width, canvas.height);
  data.forEach((value, i) => {
    const map = Math.floor(i / wide / high), grey = 255 * (1 - value / most);
    const x = (map % columns) * (wide + 1) + (i % wide);
    const y = Math.floor(map / columns) * (high + 1) + (Math.floor(i / wide) % high);
    picture.data.set([grey, grey, grey, 255], 4 * (y * canvas.width + x));
  });
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

async function read(strokes) {
  if (!strokes.length) return tell(hint);
  if (!network) tell("Loading the network, 14 MB, once ...");
  await (network ??= load());
  const sides = [0, 1].map((k) => strokes.flat().map((point) => point[k]));
  if (Math.max(...sides.map((s) => Math.max(...s) - Math.min(...s))) < 0.05) {
    await new Promise((done) => setTimeout(done, 300));  // or is it still growing?
    return next || tell("That is only a dot. Draw a digit, and a large one.");
  }
  const answer = await run(strokes), p = [...answer.probabilities.data];
  const most = Math.max(...p), digit = p.indexOf(most);
  tell(`It reads ${digit}, probability ${(100 * most).toFixed(0)}%`, answer);
}

async function show() {  // one at a time, and only the latest
  if (busy) return;
  busy = true;
  while (next) {
    const strokes = next;
    next = null;
    await read(strokes).catch(() =>
      tell("The network could not be loaded. Reload the page to try once more."));
  }
  busy = false;
}

bars.innerHTML = [..."0123456789"].map((d) => `<li>${d}<i></i><b></b></li>`).join("");
const set = (_, strokes) => { next = strokes; };
const model = { get: () => [], set, save_changes: show, on() {} };
pad.render({ model, el: page.querySelector("div") });
page.querySelector("canvas").ariaLabel = "Draw a digit here, with mouse or finger";
tell(hint);
