"""Its one page."""

from django.urls import path

from benchmarks.bigshop.views import page

urlpatterns = [path("p/<int:pk>/", page)]
