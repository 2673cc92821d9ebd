"""Pages of the shop."""

from django.urls import path

from shop.views import cart, catalogue, checkout, visitor

app_name = "shop"
urlpatterns = [
    path("", catalogue.home, name="home"),
    path("search/", catalogue.search, name="search"),
    path("categories/", catalogue.categories, name="categories"),
    path("c/<slug:department>/", catalogue.department, name="department"),
    path("c/<slug:department>/<slug:shelf>/", catalogue.shelf, name="shelf"),
    path("product/<str:stock_code>/<slug:slug>/", catalogue.product, name="product"),
    path("picture/<str:stock_code>.svg", catalogue.picture, name="picture"),
    path("cart/", cart.show, name="cart"),
    path("cart/add/<int:pk>/", cart.add, name="cart_add"),
    path("cart/change/<int:pk>/", cart.change, name="cart_change"),
    path("checkout/", checkout.checkout, name="checkout"),
    path("orders/", checkout.orders, name="orders"),
    path("order/<str:number>/", checkout.confirmation, name="confirmation"),
    path("cookies/", visitor.consent, name="consent"),
    path("about/", visitor.about, name="about"),
]
