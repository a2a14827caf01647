// A page that is left open stays fresh: it asks for itself again and puts in what changed, but never under the
// reader's hands: a part that holds the focus or selected text waits. What it cannot do, it says.
const OLD = 10 * 60 * 1000;
const main = document.getElementById("main");
const age = document.getElementById("age");
const pause = document.getElementById("pause");
let loaded = Date.now();

const marked = (tree) => new Map([...tree.querySelectorAll("[data-fresh]")].map((part) => [part.dataset.fresh, part]));

function inUse(part) {
  const selected = document.getSelection();
  return part.contains(document.activeElement) || (!selected.isCollapsed && selected.containsNode(part, true));
}

function keepOpen(part, next) {
  const shown = [...part.querySelectorAll("details")];
  next.querySelectorAll("details").forEach((one, i) => { one.open = shown[i] ? shown[i].open : one.open; });
}

function put(tree) {
  const now = marked(document), next = marked(tree);
  let whole = [...now.keys()].join() === [...next.keys()].join();
  for (const [name, part] of now) {
    const other = next.get(name);
    if (!other) continue;
    keepOpen(part, other);
    if (part.isEqualNode(other)) continue;
    if (inUse(part)) whole = false;
    else part.replaceWith(other);
  }
  return whole;
}

async function refresh() {
  if (document.hidden || pause.getAttribute("aria-pressed") === "true") return;
  const answer = await fetch(location.href, { redirect: "error" });
  if (!answer.ok) return;
  const whole = put(new DOMParser().parseFromString(await answer.text(), "text/html"));
  if (whole) loaded = Date.now();
}

if (pause) {
  pause.parentElement.hidden = false;
  pause.addEventListener("click", () => pause.setAttribute("aria-pressed", pause.getAttribute("aria-pressed") !== "true"));
  setInterval(() => refresh().catch(() => {}), Number(main.dataset.refresh) * 1000);
}
setInterval(() => { age.hidden = Date.now() - loaded < OLD; }, 10 * 1000);
