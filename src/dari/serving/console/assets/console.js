// Live rows and parts of pages that renew themselves. Text is set as text, never as markup of a stranger's.
"use strict";
const MOST = 100, FEW = 5;

function cell(row, text, number) {
  const made = row.insertCell();
  if (number) made.className = "n";
  made.textContent = text;
  return made;
}

function badge(text, kind) {
  const made = document.createElement("span");
  made.className = "badge " + kind;
  made.textContent = text;
  return made;
}

function shown(body, one, marked) {
  const row = body.insertRow(0), link = document.createElement("a"), server = document.createElement("small");
  if (marked) row.className = "new";
  cell(row, one.at);
  cell(row, one.caller);
  link.href = "/console/calls/" + one.number;
  link.textContent = one.tool;
  server.textContent = one.server;
  cell(row, "").append(link, " ", server);
  cell(row, one.milliseconds + " ms", true);
  const from = cell(row, one.source + " ");
  if (one.simulated) from.append(badge(one.simulated, "simulated"));
  cell(row, one.calls, true);
  cell(row, "").append(badge(one.error || "ok", one.error ? "open" : "closed"));
}

function listen(table) {
  const body = table.tBodies[0], lamp = document.getElementById("live"), total = document.getElementById("total");
  let waiting = [], drawing = false, counted = total ? Number(total.textContent.replaceAll(",", "")) : 0;
  const source = new EventSource("/console/events");
  source.onopen = () => lamp && lamp.classList.add("on");
  source.onerror = () => {
    if (lamp) lamp.classList.remove("on");
    if (source.readyState === EventSource.CLOSED) location.reload();  // signed out: the page knows where to go
  };
  source.onmessage = (event) => {
    const told = JSON.parse(event.data);
    waiting = waiting.concat(told.calls).slice(-MOST);
    counted += told.more + told.calls.length;
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(() => {
      const marked = waiting.length <= FEW;  // fifty that fade at once are more work than fifty rows
      for (const one of waiting) shown(body, one, marked);
      waiting = [];
      while (body.rows.length > MOST) body.deleteRow(-1);
      if (total) total.textContent = counted.toLocaleString("en");
      drawing = false;
    });
  };
  addEventListener("pagehide", () => source.close());
}

async function renew(part) {
  if (!document.hidden) {
    const reply = await fetch(part.dataset.part, { credentials: "same-origin" });
    if (reply.status === 401) return location.reload();
    // Our own markup: the template escapes what it is given.
    if (reply.ok) keepOpen(part, await reply.text());
  }
  const again = part.querySelector("[data-again]");
  const often = again && again.dataset.again === "no" ? 5 : 1;  // what stands still is looked at less often
  if (part.dataset.every) setTimeout(renew, Number(part.dataset.every) * 1000 * often, part);
}

function keepOpen(part, markup) {
  const open = [...part.querySelectorAll("details")].map((one) => one.open);
  part.innerHTML = markup;
  part.querySelectorAll("details").forEach((one, place) => { if (place in open) one.open = open[place]; });
}

for (const table of document.querySelectorAll("table[data-live=yes]")) listen(table);
async function fill() {
  for (const part of document.querySelectorAll("[data-part]")) {
    if (part.dataset.later) setTimeout(renew, Number(part.dataset.later) * 1000, part);
    else {  // one after the other: they share the upstream's pace, and what stands above is seen first
      await renew(part);
      await Promise.allSettled([...document.images].map((one) => one.decode()));
    }
  }
}
fill();
