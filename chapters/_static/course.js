// Demonstrations: show the figure that the controls name. Figures: a click enlarges. Without this file the first picture
// of a demonstration stands, and figures have the size of the column. What the theme leaves unclear is in reading.js.
document.addEventListener("DOMContentLoaded", () => {
  for (const form of document.querySelectorAll(".course-controls")) {
    const states = form.parentElement;
    const choose = () => {
      const place = form.dataset.first.split("-");
      for (const select of form.querySelectorAll("select")) place[select.dataset.place] = select.value;
      for (const state of states.querySelectorAll(":scope > .course-state"))
        state.classList.toggle("course-hidden", !state.classList.contains("course-at-" + place.join("-")));
    };
    form.hidden = false;
    form.addEventListener("change", choose);
    form.addEventListener("submit", event => event.preventDefault());
    choose(); // a browser may have kept the choice of an earlier visit
  }

  const large = document.createElement("dialog");
  large.className = "course-large";
  large.setAttribute("aria-label", "Enlarged figure");
  large.innerHTML = '<button type="button" aria-label="Close">&times;</button>';
  const picture = document.createElement("img");
  large.addEventListener("click", () => large.close());
  document.body.appendChild(large);
  for (const image of document.querySelectorAll(".bd-content .cell_output figure img")) {
    const link = image.closest("a"); // without this file it opens the picture alone; the Enter key clicks it
    (link ?? image).addEventListener("click", event => {
      event.preventDefault();
      picture.src = image.src;
      picture.alt = image.alt;
      large.appendChild(picture);
      large.showModal();
    });
  }
});
