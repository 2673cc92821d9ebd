"""A shop's consent callable: a cookie says yes."""


def says_cookie(request) -> bool:
    return request.COOKIES.get("consent") == "yes"


def breaks(request) -> bool:
    raise RuntimeError("the consent tool is down")
