"""The page in a real browser: every control works, nothing is loaded or logged, and all can read it."""

import pytest

from spacy_rnn_tagger.evaluation.report import NamedPipeline, evaluate_pipeline
from spacy_rnn_tagger.report.page import write_report

from ..fixtures.browser import accessibility_problems, open_browser, problems, show
from ..fixtures.report_cases import pipeline_of_all_targets, random_corpus, spacy_pipeline


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    driver = open_browser(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def report():
    ours, theirs = NamedPipeline("ours <b>", pipeline_of_all_targets()), NamedPipeline("theirs", spacy_pipeline())
    corpus = random_corpus(60)
    training = [eg.reference for eg in corpus(ours.nlp)[:20]]
    return evaluate_pipeline(ours, corpus, other=theirs, training=training, n_samples=50)


@pytest.fixture(scope="module")
def page(report, tmp_path_factory):
    path = tmp_path_factory.mktemp("pages") / "report.html"
    write_report(report, path)
    return path


def find(browser, selector):
    return browser.find_element("css selector", selector)


def texts(browser, selector):
    return browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent)", selector
    )


def choose(browser, selector, value):
    browser.execute_script(
        "const e = document.querySelector(arguments[0]); e.value = arguments[1];"
        "for (const name of ['input', 'change']) e.dispatchEvent(new Event(name, {bubbles: true}));",
        selector,
        value,
    )


def place_of(report, target):
    return next(i for i, task in enumerate(report.tasks) if task.target == target)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_is_loaded_logged_or_cut(browser, page, theme, width):
    problems(browser)
    show(browser, page, width=width, theme=theme)
    assert problems(browser) == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.title == "ours <b> on data"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_can_read_it(browser, page, theme):
    show(browser, page, theme=theme)
    browser.execute_script("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert accessibility_problems(browser) == []


def test_headline_scores(browser, page, report):
    show(browser, page)
    for task in report.tasks:
        for key, score in task.scores.items():
            assert texts(browser, f"[data-score='{key}']") == [f"{100 * score.value:.2f}"]


def test_theme_button_by_keyboard(browser, page):
    show(browser, page)
    button = find(browser, "#theme")
    background = lambda: browser.execute_script("return getComputedStyle(document.body).backgroundColor")  # noqa: E731
    seen = [(button.text, background())]
    for _ in range(3):
        button.send_keys("\n")
        seen.append((button.text, background()))
    assert [text.split(": ")[1] for text, _ in seen] == ["as the system", "light", "dark", "as the system"]
    assert seen[0][1] == seen[1][1] == seen[3][1] != seen[2][1]


def test_the_chosen_theme_stays(browser, page):
    show(browser, page)
    find(browser, "#theme").click()
    find(browser, "#theme").click()
    browser.refresh()
    assert find(browser, "#theme").text == "Theme: dark"
    find(browser, "#theme").click()


def test_tables_sort(browser, page, report):
    show(browser, page)
    i = place_of(report, "tag")
    table = f"#labels-table-{i}"
    rows = {row.label: row for row in report.tasks[i].labels}
    labels = lambda: texts(browser, f"{table} tbody th")  # noqa: E731
    assert labels() == list(rows)
    recall = find(browser, f"{table} th:nth-child(3)")
    recall.find_element("css selector", "button").send_keys("\n")
    assert [rows[name].recall for name in labels()] == sorted((row.recall for row in rows.values()), reverse=True)
    assert recall.get_attribute("aria-sort") == "descending"
    recall.find_element("css selector", "button").send_keys("\n")
    assert [rows[name].recall for name in labels()] == sorted(row.recall for row in rows.values())
    assert recall.get_attribute("aria-sort") == "ascending"
    find(browser, f"{table} th:first-child button").send_keys("\n")
    assert labels() == sorted(rows) and recall.get_attribute("aria-sort") is None


@pytest.mark.parametrize("target", ["ents", "tag"])
def test_threshold_moves_precision_and_recall(browser, page, report, target):
    show(browser, page)
    i = place_of(report, target)
    panel = f"#threshold-{i}"
    curves = report.tasks[i].confidence.curves

    def shown():
        return [texts(browser, f"{panel} output.{name}")[0] for name in ("precision", "recall", "f")]

    def expected(chosen, at):
        gold, kept, right = (sum(part) for part in zip(*((c.gold, c.kept[at], c.right[at]) for c in chosen)))
        return [f"{100 * part / whole if whole else 0:.2f}" for part, whole in ((right, kept), (right, gold))] + [
            f"{100 * 2 * right / (kept + gold):.2f}"
        ]

    assert shown() == expected(curves.values(), 0)
    slider = find(browser, f"{panel} input[type=range]")
    slider.send_keys("\ue014" * 3)  # arrow right
    assert shown() == expected(curves.values(), 3)
    choose(browser, f"{panel} input[type=range]", 50)
    assert shown() == expected(curves.values(), 50) and texts(browser, f"{panel} output.at") == ["0.50"]
    assert shown() != expected(curves.values(), 0)
    choose(browser, f"{panel} select.curve", 1)
    first = report.tasks[i].labels[0].label
    assert shown() == expected([curves[first]], 50)
    find(browser, f"{panel} button.best").send_keys("\n")
    best = max(float(expected([curves[first]], at)[2]) for at in range(101))
    assert float(shown()[2]) == best


def test_errors_are_filtered_searched_and_paged(browser, page, report):
    show(browser, page)
    i = place_of(report, "ents")
    box, errors = f"#errors-{i}", report.tasks[i].errors
    n_shown = lambda: len(browser.find_elements("css selector", f"{box} ol > li"))  # noqa: E731
    assert len(errors) > 10 and n_shown() == 10
    assert texts(browser, f"{box} .found") == [f"{len(errors):,} in all."]
    first = texts(browser, f"{box} ol")
    find(browser, f"{box} .next").send_keys("\n")
    assert texts(browser, f"{box} ol") != first and texts(browser, f"{box} .pages")[0].startswith("page 2 of")
    find(browser, f"{box} .previous").send_keys("\n")
    assert texts(browser, f"{box} ol") == first
    assert not find(browser, f"{box} .previous").is_enabled()
    for kind in {error.kind for error in errors}:
        choose(browser, f"{box} .kind", kind)
        own = [error for error in errors if error.kind == kind]
        assert set(texts(browser, f"{box} .what")) == {kind} and n_shown() == min(10, len(own))
        assert texts(browser, f"{box} .found")[0].startswith(f"{len(own):,} of ") or len(own) == len(errors)
    choose(browser, f"{box} .kind", "")
    choose(browser, f"{box} .label", "PERSON")
    own = [e for e in errors if "PERSON" in {place.label for place in (e.gold, e.predicted) if place}]
    assert texts(browser, f"{box} .found") == [f"{len(own):,} of {len(errors):,}."]
    choose(browser, f"{box} .label", "")
    find(browser, f"{box} .search").send_keys("ÜBER")
    own = [error for error in errors if "über" in "".join(error.context.words).lower()]
    assert texts(browser, f"{box} .found") == [f"{len(own):,} of {len(errors):,}."]
    choose(browser, f"{box} .search", "")
    choose(browser, f"{box} .order", "doc")
    where = [int(text.removeprefix("doc ")) for text in texts(browser, f"{box} .where")]
    assert where == sorted(where) and where[0] == min(error.context.doc for error in errors) + 1


def test_words_of_the_data_are_no_markup(browser, page, report):
    """A token of the data is the end of a script."""
    show(browser, page)
    i = place_of(report, "ents")
    choose(browser, f"#errors-{i} .search", "</script>")
    assert "</script>" in texts(browser, f"#errors-{i} .words")[0]
    assert texts(browser, "h1")[0].startswith("ours <b>")


def test_marks_are_where_the_errors_are(browser, page, report):
    show(browser, page)
    i = place_of(report, "ents")
    choose(browser, f"#errors-{i} .kind", "boundary")
    error = next(error for error in report.tasks[i].errors if error.kind == "boundary")
    marks = texts(browser, f"#errors-{i} li:first-child mark")
    for mark, place in zip(marks, (error.gold, error.predicted), strict=True):
        assert mark == "".join(error.context.words[place.start : place.end]).rstrip() + " " + place.label


def test_disagreements(browser, page, report):
    show(browser, page)
    tasks = report.comparison.tasks
    i = next(i for i, task in enumerate(tasks) if task.target == "ents")
    for better in ("first", "second"):
        choose(browser, f"#disagreements-{i} .kind", better)
        n = sum(each.better == better for each in tasks[i].disagreements)
        found = texts(browser, f"#disagreements-{i} .found")[0]
        assert found.startswith(f"{n:,} of ") or n == len(tasks[i].disagreements)


def test_print_shows_no_controls(browser, page):
    show(browser, page, media="print", theme="dark")
    assert not find(browser, "#theme").is_displayed() and not find(browser, ".controls").is_displayed()
    assert browser.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
