"""Dashboard, API and metrics over HTTP.

Theory of operation
    Another door to what the admin socket shows and steers: `admin/operations` answers
    both, and an action from here is told as one from there, with the address that it
    came from. `resource` takes a request: its host must be ours (`hosts`, else a page
    of somebody else's name could be led here), then a route of `routes` or a file of
    `static`, read once at the start. What steers goes through `doors` first, by token
    or by the session that a token opened.

    A page does not poll. `pulse` has one frame made each second while anybody watches,
    whole and not a difference, and `stream` writes the same bytes to all: a lost frame
    costs a second, and the cost does not grow with viewers times machines. Of each
    machine a frame has one byte (`site_map`); names, places and models are fetched
    once, and again when the frame's generation is another.

    The pages are modules that the browser runs as they are served, under a policy that
    lets in no script of anybody else; `openapi.json` is what they and the server agree
    on.
"""
