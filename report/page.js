// A click on a state opens its row; without this the link still leads there.
const show = () => {
  const row = document.getElementById(location.hash.slice(1));
  if (row instanceof HTMLDetailsElement) {
    row.open = true;
    row.querySelector("summary").focus();
  }
};
addEventListener("hashchange", show);
addEventListener("click", (event) => {
  if (event.target.closest('a[href^="#"]')) setTimeout(show);
});
const graph = document.querySelector(".graph");
const first = graph.querySelector(".failed, .timed-out, .aborted, .running") ?? document.getElementById("start");
const place = first.getBoundingClientRect();
graph.scrollLeft = place.left - graph.getBoundingClientRect().left + place.width / 2 - graph.clientWidth / 2;
show();
