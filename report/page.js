// A click on a state opens its row; without JavaScript the link still leads there.
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
// The topmost is the state that failed.
const [place = document.getElementById("start").getBoundingClientRect()] = [...graph.querySelectorAll(".failed, .timed-out, .aborted, .running")]
  .map((each) => each.getBoundingClientRect())
  .sort((one, other) => one.top - other.top);
graph.scrollLeft = place.left - graph.getBoundingClientRect().left + place.width / 2 - graph.clientWidth / 2;
show();
