"""Its one page, and what a process has in memory."""

from django.urls import path

from benchmarks.bigshop.views import live, page

urlpatterns = [path("p/<int:pk>/", page), path("live/", live)]
