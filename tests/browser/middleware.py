"""Every answer, of the shop's and of ours, under a policy that allows no inline script, no inline style and no foreign source."""

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'"


def strict_policy(get_response):
    def middleware(request):
        response = get_response(request)
        response["Content-Security-Policy"] = POLICY
        return response

    return middleware
