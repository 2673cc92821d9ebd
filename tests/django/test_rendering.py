"""A row inside its page: what it sees, and what it must not change."""

import pytest
from django.template import Context, Library, Template, engines
from django.test import RequestFactory

from django_reco import metrics
from django_reco.rendering import render_slate
from django_reco.slates import recommend
from tests.django.conftest import BROWSER

register = Library()


@register.simple_tag(takes_context=True)
def meddle(context):
    context["colour"] = "green"
    context.push(size="S")
    return ""


@register.simple_tag
def break_off():
    raise RuntimeError("broken off")


@pytest.fixture
def row(settings):
    """Put a row's template, and a context processor that counts, into the settings."""

    def put(source, **more):
        made = {"reco/row.html": source, **more}
        settings.TEMPLATES = [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {
                    "context_processors": ["tests.django.test_rendering.counting"],
                    "libraries": {"odd": "tests.django.test_rendering"},
                    "loaders": [
                        ("django.template.loaders.locmem.Loader", made),
                        "django.template.loaders.app_directories.Loader",
                    ],
                },
            }
        ]
        counting.calls = 0

    return put


def counting(request):
    counting.calls += 1
    return {"greeting": f"hello {request.path}"}


def page(source, **context):
    request = RequestFactory().get("/here", HTTP_USER_AGENT=BROWSER)
    return engines["django"].from_string("{% load reco %}" + source).render(context, request)


def test_rows_see_what_the_page_has_and_its_context_processors_run_once(products, row):
    row("[{{ greeting }} {{ colour }} {{ title }}]")
    assert page("{% bestsellers %}{% trending title='T' %}", colour="red", title="no") == (
        "[hello /here red Bestsellers][hello /here red T]"
    )
    assert counting.calls == 1


def test_a_row_by_itself_is_given_the_context_processors(products, row):
    row("[{{ greeting }} {{ title }}]")
    request = RequestFactory().get("/here", HTTP_USER_AGENT=BROWSER)
    slate = recommend(request, "bestsellers")
    assert render_slate(slate, request, strategy="bestsellers") == "[hello /here Bestsellers]"
    # A context without the request, as of a mail, holds nothing that the row's template would be given for it.
    mail = Template("{% load reco %}{% bestsellers %}").render(Context({"request": request}))
    assert mail == "[hello /here Bestsellers]"


def test_a_row_leaves_the_page_as_it_is(products, row):
    row("{% load odd %}{% meddle %}[{{ colour }} {{ slate.0.title }}]")
    made = page("{% bestsellers %}{{ colour }}{{ slate }}{{ title }}", colour="red")
    assert made.startswith("[green ")
    assert made.endswith("]red")


def test_a_row_that_breaks_leaves_the_page_as_it_is(products, row, caplog):
    row("{% load odd %}{% meddle %}{% with colour='blue' %}{% break_off %}{% endwith %}")
    assert page("{% with size='L' %}{% bestsellers %}{{ colour }}{{ size }}{% endwith %}{{ size }}", colour="red") == "redL"
    assert metrics.counts()["tag.error"] == 1


def test_a_row_escapes_whatever_it_stands_in(products, row):
    row("{{ colour }}")
    assert page("{% autoescape off %}{{ colour }}{% bestsellers %}{% endautoescape %}", colour="<b>") == "<b>&lt;b&gt;"


def test_a_row_and_its_page_may_extend_others(products, row):
    source = "{% extends 'page.html' %}{% load reco %}{% block middle %}{% bestsellers %}{% endblock %}"
    row(
        "{% extends 'base.html' %}{% block middle %}{{ greeting }}{% endblock %}",
        **{"base.html": "<{% block middle %}{% endblock %}>", "page.html": "({% block middle %}{% endblock %})"},
    )
    request = RequestFactory().get("/here", HTTP_USER_AGENT=BROWSER)
    assert engines["django"].from_string(source).render({}, request) == "(<hello /here>)"
