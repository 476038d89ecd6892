// Sphinx's hook for the score of a hit: [page, title, place, description, score, file]. An entry of our index is
// `page#place` (search_index.py): here it becomes a link to the place, and its title says in which chapter it is.
var Scorer = {
  score: hit => {
    const index = Search._index;
    const [page, place] = hit[0].split("#");
    if (place) {
      hit[0] = page;
      hit[2] = "#" + place;
      hit[1] += " · " + index.titles[index.docnames.indexOf(page)];
    }
    // these lead to the sections, or speak of them all: the sections come first
    const lists = /concept_index|references|measured|review_questions|notation|course_project|project_example/.test(page);
    const term = page.endsWith("/glossary") && hit[4] >= Scorer.title; // the very word; others would hide the sections
    const words = (new URLSearchParams(location.search).get("q") || "").toLowerCase();
    const first = words && hit[1].toLowerCase().startsWith(words); // of sections alike, the one about the word itself
    // a title with one of several words, "a filter that keeps learning" for learning rate, is not about them
    const asked = words.split(/\s+/).filter(word => /^[a-z]{3}/.test(word));
    const named = asked.filter(word => hit[1].split(" · ")[0].toLowerCase().includes(word.slice(0, 5)));
    const part = named.length > 0 && named.length < asked.length;
    // of equal hits the one in the earliest chapter: there a thing was met first
    const chapter = Number((/chapters\/(\d+)/.exec(page) || [0, 99])[1]);
    return hit[4] - (lists ? 4 : 0) + (term ? 1 : first ? 0.5 : 0) - (part ? 11 : 0) - chapter / 1000;
  },
  objNameMatch: 11, objPartialMatch: 6, objPrio: {0: 15, 1: 5, 2: -5}, objPrioDefault: 0,
  title: 15, partialTitle: 7, term: 5, partialTerm: 2,
};
