"""Names and titles of users in reports: text in Markdown, HTML and pictures, whatever it looks like."""

import html
import re
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from bitmill.reports.drawing import figure, label_points, style, to_svg
from bitmill.reports.page import Page, render_html, render_markdown
from bitmill.reports.shown import Number, Table
from bitmill.studies.records import INT_VS_FP, Records
from bitmill.system.text import markdown, markdown_code, visible

HOSTILE = [
    "<script>alert(1)</script>", "a$\\frac{$.npy", "[/x]", "*a*_b_ __c__ ~~d~~ `e` ``", "a|b", "![x](http://y)", "[x](y)",
    "&lt;b&gt; &#65; &amp", "<http://x>", "# a", "- a", "1. a", "1) b", "> q", "+ x", "---", "\x1b[31mred", "a\nb", "\u202ecba",
    "\\", "\\*", "a_b_c INT4_SYM", "{{ 7 }} {% x %}", "\udcff", "-3.2 dB", "漢字",
    "</svg>", '"\'', "$x$", "http://z",
    "a  ", "![[", "`",
    "````",
    "| --- |", "<!-- c -->", "\x00\x08", "=", "_x", "x_", "a*b", "2 * 3", "<b", "&", "&copy;",
]  # fmt: skip


def _text_of(page):
    return html.unescape(re.sub(r"<[^>]*>", "", page))


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_reads_as_it_is(text):
    wanted = " ".join(visible(text).split())
    for page in (f"- {markdown(text)}", f"## {markdown(text)}", f"see {markdown(text)} there", markdown(text)):
        rendered = MarkdownIt("commonmark").enable("table").enable("strikethrough").render(page)
        inner = re.sub(r"</?(p|ul|li|h2)>", "", rendered)
        assert "<" not in inner, (page, rendered)
        assert wanted in " ".join(_text_of(rendered).split())
    row = f"| a | b |\n| --- | --- |\n| {markdown(text)} | 2 |\n"
    cells = re.findall(r"<td>(.*?)</td>", MarkdownIt("commonmark").enable("table").render(row))
    assert [" ".join(html.unescape(cell).split()) for cell in cells] == [wanted, "2"]
    code = re.search(r"<code>(.*?)</code>", MarkdownIt("commonmark").render(f"- {markdown_code(text)}: x"))
    assert code is not None
    assert " ".join(html.unescape(code[1]).split()) == wanted


def _page(text):
    return Page(
        title=text, subject=text, answer=[text], findings=[text],
        tables=[Table(text, text, (text, "n"), ((text, Number(text, text, text)),))],
        regenerate=[(text, text)], records=Records([], study=INT_VS_FP), pictures={"p": "<svg></svg>"}, captions={"p": text},
    )  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_pages_hold_no_markup_of_users(text):
    page = _page(text)
    plain = render_html(_page("plain"))
    made = render_html(page)
    assert re.findall(r"<(\w+)", made) == re.findall(r"<(\w+)", plain)
    assert made.count(html.escape(visible(text), quote=False)) or visible(text) in html.unescape(made)
    for content in (made, render_markdown(page)):
        assert content.encode("utf-8")
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", content)


def test_pictures_of_any_name():
    for text in (*HOSTILE[:3], "\x1b\udcff\x00", "漢字 $x$", " ".join(HOSTILE)):
        with style():
            made = figure(6, 4, text, f"{text}\nsecond line")
            axes = made.subplots()
            axes.set_xlim(0, 1)
            label_points(axes, [(0.5, 0.5, text, "black", False)])
            axes.plot([0, 1], [0, 1], label=text)
            axes.legend()
            svg = to_svg(made, "name")
        root = ElementTree.fromstring(svg)
        assert not [part for part in root.iter() if part.tag.endswith(("script", "foreignObject"))]


def test_logarithmic_axes_still_have_powers():
    with style():
        made = figure(6, 4, "a", "b")
        axes = made.subplots()
        axes.set_yscale("log")
        axes.plot([1, 2], [1, 1e6])
        svg = to_svg(made, "name")
    assert "mathdefault{10^{3}}" in svg
    assert ">$\\mathdefault" not in svg
