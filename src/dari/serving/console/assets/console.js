// Live rows and parts of pages that renew themselves. Text is set as text, never as markup of a stranger's.
"use strict";
const MOST = 100;

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

function listen(table) {
  const body = table.tBodies[0], lamp = document.getElementById("live"), total = document.getElementById("total");
  let waiting = [], counted = total ? Number(total.textContent.replaceAll(",", "")) : 0;
  const source = new EventSource("/console/events");
  source.onopen = () => lamp && lamp.classList.add("on");
  source.onerror = () => lamp && lamp.classList.remove("on");
  source.onmessage = (event) => {
    for (const one of JSON.parse(event.data)) { waiting.push(one); counted += 1; }
    waiting = waiting.slice(-MOST);
    requestAnimationFrame(() => {
      for (const one of waiting) {
        const row = body.insertRow(0);
        row.className = "new";
        cell(row, one.at);
        cell(row, one.caller);
        const link = document.createElement("a");
        link.href = "/console/calls/" + one.number;
        link.textContent = one.tool;
        cell(row, "").append(link);
        cell(row, one.milliseconds + " ms", true);
        const from = cell(row, one.source + " ");
        if (one.simulated) from.append(badge(one.simulated, "simulated"));
        cell(row, one.calls, true);
        cell(row, "").append(badge(one.error || "ok", one.error ? "open" : "closed"));
      }
      waiting = [];
      while (body.rows.length > MOST) body.deleteRow(-1);
      if (total) total.textContent = counted.toLocaleString("en");
    });
  };
}

async function renew(part) {
  const reply = await fetch(part.dataset.part, { credentials: "same-origin" });
  if (reply.ok) part.innerHTML = await reply.text();  // our own markup: the template escapes what it is given
  if (part.dataset.every) setTimeout(renew, Number(part.dataset.every) * 1000, part);
}

for (const table of document.querySelectorAll("table[data-live=yes]")) listen(table);
for (const part of document.querySelectorAll("[data-part]")) {
  if (part.dataset.every) setTimeout(renew, Number(part.dataset.every) * 1000, part);
  else renew(part);
}
