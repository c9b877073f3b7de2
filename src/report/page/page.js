// The page: `show(data)` draws it, and draws it again with newer data where the page is served.

let theCurves = null;
const theViews = new Map();

function runLink(name, title, text = name) {
  const view = theViews.get(name);
  return view ? element("a", { href: `#${view.id}`, class: "name", title }, text) : text;
}

function drawRuns(runs) {
  const columns = [{ name: "run" }, { name: "state" }, { name: "step", number: true }, { name: "loss", number: true },
    { name: "training accuracy", number: true }, { name: "test accuracy", number: true }, { name: "seconds", number: true },
    { name: "slices lost", number: true }, { name: "corrupted", number: true }, { name: "suspect or convicted" }];
  return element("section", {}, element("h2", {}, `${countText(runs.length, "run")}`), tableOf("Each run; its name leads to its section", columns, runs.map((run) => {
    const named = [...new Set([...run.convicted, ...run.suspects])];
    return { cells: [runLink(run.name, run.place), kStatusSays[run.status] || run.status, numberText(run.step), numberText(run.loss), percentText(run.accuracy),
      percentText(run.test_accuracy), secondsText(run.seconds), numberText(run.slices.lost), numberText(run.slices.corrupted), listText(named, 8)] };
  })));
}

/** Draws the page, or brings it up to date: what is zoomed, opened, sorted and scrolled to stays so. */
function show(data) {
  const page = document.getElementById("page");
  const runs = data.runs;
  const isAlone = runs.length === 1 && !data.experiment;
  document.title = data.title ? `${data.title} · DETOX` : "DETOX";
  const names = JSON.stringify([isAlone, runs.map((run) => run.name)]);
  if (names !== show.names) {  // other runs: another page
    show.names = names;
    theViews.clear();
    kPainters.clear();
    runs.forEach((run, at) => theViews.set(run.name, new RunView(`run-${at + 1}`, isAlone)));
    theCurves = new Curves(isAlone);
    show.parts = { experiment: element("div"), runs: element("div") };
    const head = isAlone ? [...theViews.values()][0].parts.head : null;
    const sections = [...theViews.values()].map((view) => view.box);
    page.replaceChildren(...[head, show.parts.experiment, show.parts.runs, theCurves.box, ...sections].filter(Boolean));
  }
  show.parts.experiment.replaceChildren(...(data.experiment ? [drawExperiment(data.experiment)] : []));
  show.parts.runs.replaceChildren(...(isAlone || data.experiment || runs.length === 0 ? [] : [drawRuns(runs)]));
  theCurves.box.hidden = runs.length === 0;
  if (runs.length > 0) theCurves.show(data.experiment ? cellCurves(data.experiment, runs) : runs, data.experiment);
  runs.forEach((run) => theViews.get(run.name).show(run));
}

const kServedSays = { absent: "waiting for the run", running: "live", killed: "the run was killed", finished: "the run has finished",
  interrupted: "the run was interrupted", failed: "the run failed", diverged: "the run diverged" };

/** Where the page is served: events say how the run stands and that there are newer data, which lie beside them. */
function listen(address) {
  const box = document.getElementById("served");
  const kQuiet = 20;  // seconds without a step that are worth a word
  let said = null, heard = 0, isConnected = false, shown = 0, isFetching = false;
  const tell = () => {
    if (!isConnected) box.textContent = said ? "no connection: what is below may be old" : "connecting …";
    else if (said) {
      const since = said.since + (performance.now() - heard) / 1000;
      let text = kServedSays[said.state] || said.state;
      if (said.state === "running" && said.resumed) text += ", resumed";
      if (said.state === "running" && since > kQuiet) text = `no step for ${secondsText(Math.floor(since))}`;
      box.textContent = said.why ? `${text}: ${said.why}` : text;
    }
  };
  const renew = async () => {
    if (isFetching) return;
    isFetching = true;
    try {
      while (shown !== said.version) {
        const version = said.version;
        const answer = await fetch("data.json");
        if (!answer.ok) break;
        show(await answer.json());
        shown = version;
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;  // there is no connection; the next event tells
    } finally {
      isFetching = false;
    }
  };
  box.hidden = false;
  const source = new EventSource(address);
  source.addEventListener("open", () => { isConnected = true; tell(); });
  source.addEventListener("error", () => { isConnected = false; tell(); });
  source.addEventListener("message", (event) => {
    said = JSON.parse(event.data);
    heard = performance.now();
    isConnected = true;
    tell();
    renew();
  });
  setInterval(tell, 1000);
  tell();
}

function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  const fold = target && target.querySelector("details");
  if (fold && target.classList.contains("run")) {
    fold.open = true;
    target.scrollIntoView();
  }
}

startTheme(document.getElementById("theme"));
show(JSON.parse(document.getElementById("data").textContent));
window.addEventListener("hashchange", openTarget);
openTarget();
if (document.documentElement.dataset.events) listen(document.documentElement.dataset.events);
